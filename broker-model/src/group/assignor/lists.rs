//! Many short lists in one.

use alloc::vec;
use alloc::vec::Vec;

/// A list for each of many, which are made in order. A group of thousands makes all of them anew
/// at each join, so they are no allocations of their own.
#[derive(Clone, Debug)]
pub struct Lists<T> {
    items: Vec<T>,
    ends: Vec<usize>,
}

impl<T: Copy + Ord> Lists<T> {
    /// No list, with room for so many.
    #[must_use]
    pub fn with_capacity(lists: usize, items: usize) -> Self {
        Self { items: Vec::with_capacity(items), ends: Vec::with_capacity(lists) }
    }

    /// So many empty lists.
    #[must_use]
    pub fn empty(lists: usize) -> Self {
        Self { items: Vec::new(), ends: vec![0; lists] }
    }

    /// Adds a list.
    pub fn push(&mut self, list: impl IntoIterator<Item = T>) {
        self.items.extend(list);
        self.ends.push(self.items.len());
    }

    /// Adds a list, in order.
    pub fn push_sorted(&mut self, list: impl IntoIterator<Item = T>) {
        let start = self.items.len();
        self.push(list);
        self.items[start..].sort_unstable();
    }

    /// The list of so many before it.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn get(&self, list: usize) -> &[T] {
        let start = list.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[list]]
    }

    /// All lists, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..self.ends.len()).map(|list| self.get(list))
    }

    /// What is in all of them.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.items
    }
}

impl<T: Copy + Ord> FromIterator<Vec<T>> for Lists<T> {
    fn from_iter<I: IntoIterator<Item = Vec<T>>>(lists: I) -> Self {
        let mut made = Self::empty(0);
        lists.into_iter().for_each(|list| made.push(list));
        made
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::Lists;

    #[test]
    fn each_list_is_its_own() {
        let mut lists = Lists::empty(1);
        lists.push_sorted([3, 1, 2]);
        lists.push([]);
        lists.push([9, 8]);
        let all: Vec<&[u32]> = lists.iter().collect();
        assert_eq!(all, [&[][..], &[1, 2, 3], &[], &[9, 8]]);
        assert_eq!(lists.items(), [1, 2, 3, 9, 8]);
        let same: Lists<u32> =
            vec![vec![], vec![1, 2, 3], vec![], vec![9, 8]].into_iter().collect();
        assert!(same.iter().eq(lists.iter()));
    }
}
