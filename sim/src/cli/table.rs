//! Aligned columns.

use super::console::{Console, Paint};

/// Rows of text under a head. Columns whose head ends with a space before nothing are text;
/// those marked by [`Columns::numbers_from`] are aligned to the right.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    rows: Vec<Vec<String>>,
    numbers_from: usize,
}

impl Columns {
    /// A table with its head.
    pub(super) fn new(head: &[&str]) -> Self {
        let head = head.iter().map(|&word| word.to_owned()).collect();
        Self { rows: vec![head], numbers_from: usize::MAX }
    }

    /// Columns from this one on hold numbers.
    pub(super) const fn numbers_from(mut self, column: usize) -> Self {
        self.numbers_from = column;
        self
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there is only the head.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The lines, the head first, without blanks at their ends.
    pub(super) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let length = |row: &Vec<String>, column: usize| {
            row.get(column).map_or(0, |cell| cell.chars().count())
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().map(|row| length(row, column)).max().unwrap_or(0))
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column >= self.numbers_from {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Prints them, the head faintly.
    pub(super) fn print(&self, console: &mut Console<'_>) {
        for (index, line) in self.lines().iter().enumerate() {
            let line = if index == 0 { console.paint(Paint::Faint, line) } else { line.clone() };
            console.line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let mut columns = Columns::new(&["name", "count"]).numbers_from(1);
        columns.row(["a".to_owned(), "10".to_owned()]);
        columns.row(["longer".to_owned(), "7".to_owned()]);
        assert_eq!(columns.lines(), ["name    count", "a          10", "longer      7"]);
    }
}
