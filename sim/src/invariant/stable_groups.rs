//! After healing no consumer group is in a rebalance.
//!
//! Source: KIP-62, KIP-134: rebalances end once members come and go no more.

use broker_model::group::GroupState;
use broker_model::types::GroupId;

use super::{Interest, Invariant, View};
use crate::world::NodeState;

/// See the module.
#[derive(Debug)]
pub(super) struct StableGroups;

fn unsettled(
    groups: impl Iterator<Item = (GroupId, GroupState)>,
    name: impl Fn(GroupId) -> String,
) -> Option<String> {
    let mut unsettled = groups.filter(|(_, state)| !state.is_settled());
    let (group, state) = unsettled.next()?;
    Some(format!("group {group} is still in {}", state.name(), group = name(group)))
}

impl Invariant for StableGroups {
    fn name(&self) -> &'static str {
        "stable-groups"
    }

    fn interests(&self) -> &'static [Interest] {
        &[]
    }

    fn after_healing(&mut self, view: &View<'_>) -> Option<String> {
        let running = view.nodes.iter().filter(|n| n.state == NodeState::Up);
        let brokers = running.filter_map(|n| n.broker());
        unsettled(brokers.flat_map(|b| b.groups().groups()).map(|g| (g.group, g.state)), |group| {
            view.group(group)
        })
    }
}

#[cfg(test)]
mod tests {
    use broker_model::group::GroupState;
    use broker_model::types::GroupId;

    use super::unsettled;

    #[test]
    fn rejects_a_group_that_waits_for_its_assignment() {
        let groups =
            [(GroupId(0), GroupState::Stable), (GroupId(1), GroupState::CompletingRebalance)];
        assert!(unsettled(groups.into_iter(), |group| group.to_string()).is_some());
    }

    #[test]
    fn accepts_groups_without_members() {
        let groups = [(GroupId(0), GroupState::Stable), (GroupId(1), GroupState::Empty)];
        assert_eq!(unsettled(groups.into_iter(), |group| group.to_string()), None);
    }
}
