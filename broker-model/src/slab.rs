//! A table of things in progress whose keys are never used twice.

use alloc::vec::Vec;

/// Names an entry: slot number in the low half, generation of the slot in the high half.
pub(crate) type Key = u64;

#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Values by key. A removed key stays dead, so late answers find nothing.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

/// The slot of a key: entries are told in the order of their slots.
pub(crate) const fn slot_of(key: Key) -> usize {
    split(key).0
}

const fn split(key: Key) -> (usize, u32) {
    ((key & 0xFFFF_FFFF) as usize, (key >> 32) as u32)
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, value: None });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 things in progress")
        });
        let slot = &mut self.slots[index as usize];
        slot.value = Some(value);
        u64::from(slot.generation) << 32 | u64::from(index)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let (index, generation) = split(key);
        self.slots.get(index).filter(|s| s.generation == generation)?.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (index, generation) = split(key);
        self.slots.get_mut(index).filter(|s| s.generation == generation)?.value.as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let (index, generation) = split(key);
        let slot = self.slots.get_mut(index).filter(|s| s.generation == generation)?;
        let value = slot.value.take()?;
        slot.generation += 1;
        self.free.push(u32::try_from(index).expect("an index of this table"));
        Some(value)
    }

    /// Live entries in order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(i, s)| {
            s.value.as_ref().map(|v| (u64::from(s.generation) << 32 | i as u64, v))
        })
    }

    /// Drops everything; the keys stay dead.
    pub(crate) fn clear(&mut self) {
        self.free.clear();
        for (i, slot) in self.slots.iter_mut().enumerate() {
            if slot.value.take().is_some() {
                slot.generation += 1;
            }
            self.free.push(u32::try_from(i).expect("an index of this table"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_key_finds_nothing_though_its_slot_is_used_again() {
        let mut slab = Slab::default();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_ne!(first, second);
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'b')));
        assert_eq!(slab.remove(first), None);
        slab.clear();
        assert_eq!(slab.iter().count(), 0);
        assert_eq!(slab.get_mut(second), None);
    }
}
