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

#[cfg(test)]
mod tests {
    use broker_model::types::{NodeId, Offset};

    use super::super::living::Living;
    use super::ByProcess;

    #[test]
    fn each_process_tells_for_itself_and_a_new_one_from_nothing() {
        let mut living = Living::new();
        let (one, two) = (NodeId(1), NodeId(2));
        let mut known = ByProcess::default();
        assert_eq!(known.of(&living.view(), one), None);
        assert_eq!(known.tell(&living.view(), one, Offset(5)), None);
        assert_eq!(known.tell(&living.view(), two, Offset(7)), None, "another node");
        assert_eq!(known.tell(&living.view(), one, Offset(6)), Some(Offset(5)));
        assert_eq!(known.of(&living.view(), one), Some(Offset(6)));
        assert_eq!(known.of(&living.view(), two), Some(Offset(7)));
        living.restart(one);
        assert_eq!(known.of(&living.view(), one), None, "another process");
        assert_eq!(known.of(&living.view(), two), Some(Offset(7)));
        assert_eq!(known.tell(&living.view(), one, Offset(2)), None);
        assert_eq!(known.tell(&living.view(), one, Offset(3)), Some(Offset(2)));
        living.restart(two);
        assert_eq!(known.tell(&living.view(), two, Offset(1)), None);
        assert_eq!(known.of(&living.view(), two), Some(Offset(1)));
    }

    #[test]
    fn who_is_forgotten_has_told_nothing() {
        let living = Living::new();
        let view = living.view();
        let mut known = ByProcess::default();
        for node in 1..=2 {
            known.tell(&view, NodeId(node), Offset(i64::from(node)));
        }
        known.forget(NodeId(1));
        assert_eq!([1, 2].map(|n| known.of(&view, NodeId(n))), [None, Some(Offset(2))]);
        assert_eq!(known.tell(&view, NodeId(1), Offset(9)), None);
        known.clear();
        assert_eq!([1, 2].map(|n| known.of(&view, NodeId(n))), [None, None]);
    }
}
