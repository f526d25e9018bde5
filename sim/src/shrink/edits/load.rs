//! Fewer calls, and plainer ones.

use std::ops::Range;

use scenarios::Scenario;
use scenarios::model::{CallRange, Keys, Load, Ratio};

use super::{pieces, plain_numbers};
use crate::shrink::trial::{Edit, edit};

/// The calls that a load makes, by number, in ascending order.
pub(in crate::shrink) fn calls(load: &Load) -> Vec<u64> {
    let dropped =
        |call: &u64| load.drop.iter().any(|range| (range.from..range.until).contains(call));
    (0..load.limit.unwrap_or(0)).filter(|call| !dropped(call)).collect()
}

/// Loads that end sooner.
pub(in crate::shrink) fn earlier_ends(scenario: &Scenario) -> Vec<Edit> {
    let loads = scenario.loads.iter().enumerate();
    let ends = loads.flat_map(|(place, load)| {
        plain_numbers(1, load.limit.unwrap_or(0)).map(move |less| (place, less))
    });
    let edits = ends.map(|(place, less)| {
        edit(move |s| s.loads.get_mut(place).is_some_and(|load| end_at(load, less)))
    });
    edits.collect()
}

/// Loads without some of their calls: pieces of this size.
pub(in crate::shrink) fn fewer_calls(scenario: &Scenario, size: usize) -> Vec<Edit> {
    let loads = scenario.loads.iter().enumerate();
    let parts = loads
        .flat_map(|(place, load)| pieces(calls(load).len(), size).map(move |piece| (place, piece)));
    let edits = parts.map(|(place, piece)| {
        edit(move |s| s.loads.get_mut(place).is_some_and(|load| leave_out(load, &piece)))
    });
    edits.collect()
}

/// Loads of plain records.
pub(in crate::shrink) fn plainer(scenario: &Scenario) -> Vec<Edit> {
    let mut edits = Vec::new();
    for place in 0..scenario.loads.len() {
        let mut plain = |change: fn(&mut Load)| {
            edits.push(edit(move |s| s.loads.get_mut(place).map(change).is_some()));
        };
        plain(|load| load.tombstones = Ratio::ZERO);
        plain(|load| load.payload = None);
        plain(|load| load.keys = Keys::Unique);
    }
    edits
}

fn end_at(load: &mut Load, limit: u64) -> bool {
    if load.limit.is_none_or(|old| old <= limit) {
        return false;
    }
    load.limit = Some(limit);
    load.drop.retain(|range| range.from < limit);
    if let Some(last) = load.drop.last_mut() {
        last.until = last.until.min(limit);
    }
    true
}

/// Takes calls out, counted among those that the load makes.
fn leave_out(load: &mut Load, piece: &Range<usize>) -> bool {
    let mut made = calls(load);
    if piece.start >= made.len() {
        return false;
    }
    made.drain(piece.start..piece.end.min(made.len()));
    let limit = made.last().map_or(1, |last| last + 1);
    load.limit = Some(limit);
    let mut drop: Vec<CallRange> = Vec::new();
    let mut from = 0;
    for call in made {
        if call > from {
            drop.push(CallRange { from, until: call });
        }
        from = call + 1;
    }
    if from < limit {
        drop.push(CallRange { from, until: limit });
    }
    load.drop = drop;
    true
}

#[cfg(test)]
mod tests {
    use scenarios::Scenario;
    use scenarios::model::CallRange;

    use super::{calls, earlier_ends, end_at, fewer_calls, leave_out};
    use crate::world::small::cluster;

    #[test]
    fn calls_are_left_out_by_number() {
        let mut scenario = Scenario::parse(&cluster((1, 1), 1, 10, ""), &[]).expect("a scenario");
        let load = &mut scenario.loads[0];
        load.limit = Some(8);
        assert!(leave_out(load, &(2..4)));
        assert_eq!(calls(load), [0, 1, 4, 5, 6, 7]);
        assert!(leave_out(load, &(4..6)));
        assert_eq!((calls(load), load.limit), (vec![0, 1, 4, 5], Some(6)));
        assert_eq!(load.drop, [CallRange { from: 2, until: 4 }]);
        assert!(leave_out(load, &(0..1)));
        assert!(end_at(load, 3));
        assert_eq!(calls(load), [1]);
        assert!(leave_out(load, &(0..1)));
        assert!(calls(load).is_empty() && !leave_out(load, &(0..1)));
    }

    #[test]
    fn a_load_without_a_bound_is_left_alone() {
        let mut scenario = Scenario::parse(&cluster((1, 1), 1, 10, ""), &[]).expect("a scenario");
        scenario.loads[0].limit = None;
        assert!(fewer_calls(&scenario, 1).is_empty() && earlier_ends(&scenario).is_empty());
    }
}
