"""A Modbus TCP server that the project did not write: pymodbus. Commands come on standard input, one JSON per line."""
import asyncio
import json
import logging
import sys

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server.async_io import ModbusTcpServer


logging.disable(logging.CRITICAL)


async def main() -> None:
    unit, first, count, port = (int(word) for word in sys.argv[1:5])
    inputs = ModbusSparseDataBlock({address: False for address in range(first, first + count)})
    context = ModbusServerContext({unit: ModbusSlaveContext(di=inputs, zero_mode=True)}, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", port), allow_reuse_address=True)
    serving = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print(json.dumps({"port": server.server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        inputs.setValues(command["address"], [command["value"]])
        print(json.dumps({"connections": len(server.active_connections)}), flush=True)
    serving.cancel()


asyncio.run(main())
