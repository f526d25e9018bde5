//! Tables by dense numbers, which grow as they are asked for.

/// The entry of a number; a table that does not have it yet is filled up with `empty`.
#[inline]
pub(super) fn slot<T: Clone>(table: &mut Vec<T>, index: u32, empty: T) -> &mut T {
    let index = index as usize;
    if index >= table.len() {
        table.resize(index + 1, empty);
    }
    &mut table[index]
}
