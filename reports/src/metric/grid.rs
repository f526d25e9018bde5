//! A series of integers on a fixed grid of simulated time.

/// Values by cell; cell n covers `[n * step, (n + 1) * step)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grid {
    step_ns: u64,
    cells: Vec<u64>,
}

impl Default for Grid {
    fn default() -> Self {
        Self::new(100_000_000)
    }
}

impl Grid {
    /// An empty series. Panics on a step of zero: a bug in the caller.
    #[must_use]
    pub fn new(step_ns: u64) -> Self {
        assert!(step_ns > 0, "a grid has a step");
        Self { step_ns, cells: Vec::new() }
    }

    /// Width of a cell, simulated ns.
    #[must_use]
    pub const fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// The values, from cell 0 to the last one told.
    #[must_use]
    pub fn cells(&self) -> &[u64] {
        &self.cells
    }

    /// Adds to a cell; cells in between are 0.
    #[inline]
    pub fn add(&mut self, at_ns: u64, value: u64) {
        *self.cell(at_ns, 0) += value;
    }

    /// Raises a cell to at least this; cells in between repeat the last one.
    pub fn level(&mut self, at_ns: u64, value: u64) {
        let last = self.cells.last().copied().unwrap_or(0);
        let index = usize::try_from(at_ns / self.step_ns).expect("a run has few cells");
        let fresh = index >= self.cells.len();
        let cell = self.cell(at_ns, last);
        *cell = if fresh { value } else { value.max(*cell) };
    }

    #[inline]
    fn cell(&mut self, at_ns: u64, between: u64) -> &mut u64 {
        let index = usize::try_from(at_ns / self.step_ns).expect("a run has few cells");
        if index >= self.cells.len() {
            self.cells.resize(index + 1, between);
        }
        &mut self.cells[index]
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.cells.iter().copied().max().unwrap_or(0)
    }

    /// The mean value, rounded down.
    #[must_use]
    pub fn mean(&self) -> u64 {
        let sum: u128 = self.cells.iter().map(|&cell| u128::from(cell)).sum();
        sum.checked_div(self.cells.len() as u128).unwrap_or(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Grid;

    #[test]
    fn sums_leave_zeros_and_levels_repeat() {
        let mut sums = Grid::new(10);
        sums.add(5, 2);
        sums.add(9, 3);
        sums.add(31, 1);
        assert_eq!(sums.cells(), &[5, 0, 0, 1]);
        let mut levels = Grid::new(10);
        levels.level(5, 4);
        levels.level(25, 3);
        levels.level(27, 9);
        levels.level(28, 1);
        assert_eq!(levels.cells(), &[4, 4, 9]);
        assert_eq!((levels.max(), levels.mean()), (9, 5));
    }
}
