//! The last offset that each process told of a partition.

use broker_model::types::{NodeId, Offset};

use super::View;

#[derive(Clone, Copy, Debug)]
struct Told {
    node: NodeId,
    incarnation: u64,
    offset: Offset,
}

/// One offset for each process; what an earlier process of a node told counts no more.
#[derive(Clone, Debug, Default)]
pub(super) struct ByProcess {
    told: Vec<Told>,
}

impl ByProcess {
    /// A node tells its offset. What it was before, in the same process.
    pub(super) fn tell(&mut self, view: &View<'_>, node: NodeId, offset: Offset) -> Option<Offset> {
        let told = Told { node, incarnation: incarnation(view, node), offset };
        match self.told.iter_mut().find(|known| known.node == node) {
            Some(known) => {
                let before = std::mem::replace(known, told);
                (before.incarnation == told.incarnation).then_some(before.offset)
            }
            None => {
                self.told.push(told);
                None
            }
        }
    }

    /// What a node's present process told last.
    pub(super) fn of(&self, view: &View<'_>, node: NodeId) -> Option<Offset> {
        let known = self.told.iter().find(|known| known.node == node)?;
        (known.incarnation == incarnation(view, node)).then_some(known.offset)
    }

    /// What a node told counts no more.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.told.retain(|known| known.node != node);
    }

    /// What anybody told counts no more.
    pub(super) fn clear(&mut self) {
        self.told.clear();
    }
}

fn incarnation(view: &View<'_>, node: NodeId) -> u64 {
    view.node(node).map_or(0, |known| known.incarnation)
}
