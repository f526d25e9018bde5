//! Blocks of producer ids that the controller gave to this broker.

use crate::types::ProducerId;

/// The block in use and the next one. Source: Kafka, `RPCProducerIdManager`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct ProducerIds {
    current: Block,
    next: Block,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Block {
    first: i64,
    left: u32,
    size: u32,
}

impl ProducerIds {
    pub(super) const fn add(&mut self, first: ProducerId, count: u32) {
        let block = Block { first: first.0, left: count, size: count };
        if self.current.left == 0 {
            self.current = block;
        } else {
            self.next = block;
        }
    }

    /// Less than a tenth of the block is left and there is no other.
    pub(super) const fn is_short(&self) -> bool {
        self.next.left == 0 && self.current.left as u64 * 10 <= self.current.size as u64
    }

    pub(super) fn take(&mut self) -> Option<ProducerId> {
        if self.current.left == 0 {
            self.current = core::mem::take(&mut self.next);
        }
        if self.current.left == 0 {
            return None;
        }
        let id = ProducerId(self.current.first);
        self.current.first += 1;
        self.current.left -= 1;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_order_over_two_blocks_and_then_none() {
        let mut ids = ProducerIds::default();
        assert!(ids.is_short());
        assert_eq!(ids.take(), None);
        ids.add(ProducerId(0), 2);
        assert!(!ids.is_short());
        assert_eq!(ids.take(), Some(ProducerId(0)));
        ids.add(ProducerId(2000), 1);
        assert_eq!(ids.take(), Some(ProducerId(1)));
        assert_eq!(ids.take(), Some(ProducerId(2000)));
        assert_eq!(ids.take(), None);
        assert!(ids.is_short());
    }
}
