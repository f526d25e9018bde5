//! Which protocol a group uses.

use alloc::vec::Vec;

use crate::names::{Names, java_hash};
use crate::protocol::group::{MemberProtocol, ProtocolName};

/// Buckets of a Java `HashMap` that is filled one by one, doubled when three quarters are full.
const FIRST_BUCKETS: usize = 16;

/// The protocol most members put first among those that all support. A tie goes by the order
/// of a Java `HashMap` with the names as keys, as recorded from Kafka 4.1. `None` without
/// members, or if they have none in common.
pub(super) fn elect(names: &Names, members: &[&[MemberProtocol]]) -> Option<ProtocolName> {
    let (first, others) = members.split_first()?;
    let common =
        |name: ProtocolName| others.iter().all(|member| member.iter().any(|p| p.name == name));
    let candidates: Vec<ProtocolName> =
        first.iter().map(|p| p.name).filter(|&name| common(name)).collect();
    let mut votes: Vec<(ProtocolName, u32)> = Vec::new();
    for member in members {
        let vote = member.iter().map(|p| p.name).find(|name| candidates.contains(name))?;
        match votes.iter_mut().find(|(name, _)| *name == vote) {
            Some((_, count)) => *count += 1,
            None => votes.push((vote, 1)),
        }
    }
    let mut buckets = FIRST_BUCKETS;
    while votes.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let most = votes.iter().map(|&(_, count)| count).max()?;
    let winners = votes.iter().filter(|&&(_, count)| count == most).map(|&(name, _)| name);
    // Of those in one bucket the one that came first stays first.
    winners.min_by_key(|&name| bucket(names.protocol_name(name), buckets))
}

/// Where a Java `HashMap` keeps a string.
fn bucket(name: &str, buckets: usize) -> usize {
    let hash = java_hash(name).cast_unsigned();
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::group::Metadata;
    use crate::types::TextId;

    fn elected(members: &[&[&str]]) -> Option<alloc::string::String> {
        let mut names = Names::default();
        let members: Vec<Vec<MemberProtocol>> = members
            .iter()
            .map(|member| {
                let protocol = |name: &&str| MemberProtocol {
                    name: names.protocol(name),
                    metadata: Metadata::Opaque(TextId::EMPTY),
                };
                member.iter().map(protocol).collect()
            })
            .collect();
        let members: Vec<&[MemberProtocol]> = members.iter().map(|m| &m[..]).collect();
        elect(&names, &members).map(|name| names.protocol_name(name).into())
    }

    #[test]
    fn the_first_choice_of_most_wins_among_what_all_know() {
        let won = |members: &[&[&str]]| elected(members).expect("they have one in common");
        assert_eq!(won(&[&["a", "b", "c"]]), "a");
        assert_eq!(won(&[&["a", "b", "c"], &["b", "a"], &["d", "b", "a"]]), "b");
        assert_eq!(won(&[&["x", "a"], &["a"]]), "a");
        assert_eq!(elected(&[&["a"], &["b"]]), None);
        assert_eq!(elected(&[]), None);
    }

    /// Recorded from Kafka 4.1, whoever came first; the place of `cooperative-sticky` follows
    /// from its hash.
    #[test]
    fn ties_go_by_the_order_of_a_java_hash_table() {
        let tie = |a: &str, b: &str| {
            let winner = elected(&[&[a, b], &[b, a]]);
            assert_eq!(winner, elected(&[&[b, a], &[a, b]]));
            winner.expect("both know both")
        };
        assert_eq!(tie("range", "roundrobin"), "range");
        assert_eq!(tie("range", "sticky"), "sticky");
        assert_eq!(tie("b", "a"), "a");
        assert_eq!(tie("cooperative-sticky", "roundrobin"), "roundrobin");
    }
}
