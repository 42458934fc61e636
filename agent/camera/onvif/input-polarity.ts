import { at, childrenOf, type XmlElement } from './xml.ts';

/** Digital inputs that are read of one camera; more than any has. Source: guess. */
const MAX_INPUTS = 256;

/**
 * Whether `false` is the alarm, by token of the input. With SetDigitalInputConfigurations `true` means active, whatever the
 * circuit; without it `true` means that the circuit is closed, and the idle state says which is the quiet one.
 * @param capabilities answer to GetServiceCapabilities of the device I/O service
 * @param inputs answer to GetDigitalInputs
 * @returns nothing of an input that says neither
 * @see ONVIF Device IO Service Specification, sections "Digital Inputs" and "Capabilities"
 */
export function readPolarities(
  capabilities: XmlElement | undefined,
  inputs: XmlElement,
): ReadonlyMap<string, boolean> {
  const configurable = isTrue(at(capabilities, 'Capabilities')?.attributes.DigitalInputOptions);
  const found = childrenOf(inputs, 'DigitalInputs').slice(0, MAX_INPUTS);
  return new Map(
    found.flatMap(({ attributes: { token, IdleState } }) => {
      const inverted = configurable ? false : isQuietWhenClosed(IdleState);
      return token === undefined || inverted === undefined ? [] : [[token.trim(), inverted] as const];
    }),
  );
}

function isQuietWhenClosed(idle: string | undefined): boolean | undefined {
  const word = idle?.trim().toLowerCase();
  return word === 'closed' ? true : word === 'open' ? false : undefined;
}

function isTrue(text: string | undefined): boolean {
  return ['true', '1'].includes(text?.trim().toLowerCase() ?? '');
}
