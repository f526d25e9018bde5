//! A smaller pipeline on a smaller cluster.

use scenarios::Scenario;
use scenarios::model::{Ratio, Target};

use super::plain_numbers;
use crate::shrink::trial::{Edit, edit};

/// The least length of a load phase that is tried, nanoseconds.
const LEAST_LOAD: u64 = 100_000_000;

/// Services taken away, one at a time, the last first, with what is about them.
pub(in crate::shrink) fn without_services(scenario: &Scenario) -> Vec<Edit> {
    let names = scenario.services.iter().rev().map(|service| service.name.clone());
    names.map(|name| edit(move |s| without(s, &name))).collect()
}

fn without(scenario: &mut Scenario, name: &str) -> bool {
    let Some(place) = scenario.service(name) else { return false };
    scenario.services.remove(place);
    scenario.loads.retain(|load| load.into != name);
    let hits = |target: &Target| matches!(target, Target::Service { name: it, .. } if it == name);
    scenario.faults.retain(|fault| !hits(&fault.target));
    let services = &scenario.services;
    let used = |topic: &String| {
        services.iter().any(|one| one.reads().chain(one.writes()).any(|it| it == topic))
    };
    let kept =
        |name: &String| used(name) || services.iter().any(|one| one.effects.as_ref() == Some(name));
    scenario.checks.exactly_once.retain(|pair| kept(&pair.from) && kept(&pair.to));
    scenario.checks.per_key_order.retain(used);
    scenario.topics.retain(|topic| used(&topic.name));
    true
}

/// Fewer instances, partitions, controllers and brokers, a shorter load, nothing measured.
pub(in crate::shrink) fn smaller(scenario: &Scenario) -> Vec<Edit> {
    let mut edits = vec![
        edit(|s| !std::mem::take(&mut s.gates).is_empty()),
        edit(|s| std::mem::take(&mut s.warmup) > 0),
    ];
    for place in 0..scenario.services.len() {
        edits.extend(below(scenario.services[place].instances).map(move |count| {
            edit(move |s| set(s.services.get_mut(place).map(|one| &mut one.instances), count))
        }));
        edits.push(edit(move |s| {
            set(s.services.get_mut(place).map(|one| &mut one.abort), Ratio::ZERO)
        }));
        edits.push(edit(move |s| set(s.services.get_mut(place).map(|one| &mut one.poison), None)));
    }
    for place in 0..scenario.topics.len() {
        edits.extend(below(scenario.topics[place].partitions).map(move |count| {
            edit(move |s| set(s.topics.get_mut(place).map(|one| &mut one.partitions), count))
        }));
    }
    edits.extend(
        below(scenario.cluster.controllers)
            .map(|count| edit(move |s| set(Some(&mut s.cluster.controllers), count))),
    );
    edits.extend(
        below(scenario.cluster.brokers)
            .map(|count| edit(move |s| set(Some(&mut s.cluster.brokers), count))),
    );
    edits.push(edit(|s| {
        let many = s.cluster.racks.len() > 1;
        s.cluster.racks.truncate(1);
        many
    }));
    let durations = plain_numbers(LEAST_LOAD, scenario.duration);
    edits.extend(durations.map(|length| edit(move |s| set(Some(&mut s.duration), length))));
    edits
}

/// One, and one less than there are.
fn below(count: u32) -> impl Iterator<Item = u32> {
    [1, count.saturating_sub(1)].into_iter().filter(move |less| (1..count).contains(less))
}

fn set<T: PartialEq>(place: Option<&mut T>, value: T) -> bool {
    place.is_some_and(|place| std::mem::replace(place, value) != *place)
}
