/** Cells that the edges of a picture are summed in: columns and rows of the fine and of the coarse grid. */
export const FINE_GRID = { columns: 32, rows: 18 } as const;
export const COARSE_GRID = { columns: 16, rows: 9 } as const;
