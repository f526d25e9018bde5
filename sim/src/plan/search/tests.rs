use std::collections::BTreeSet;

use broker_model::types::MILLISECOND;
use scenarios::Scenario;
use scenarios::model::{Fault, FaultKind, Target, Trigger};

use super::ground::Ground;
use super::{SHORTEST_LASTING, Stream, magnitude};
use crate::plan::Plan;
use crate::world::small::cluster;

fn searching(more: &str) -> Scenario {
    Scenario::parse(&cluster((3, 3), 2, 20, more), &[]).expect("a scenario")
}

fn kinds(scenario: &Scenario, seeds: u64) -> BTreeSet<&'static str> {
    let plan = |seed| Plan::new(scenario, seed).expect("it can be planned");
    let faults = (0..seeds).flat_map(|seed| plan(seed).scenario.faults);
    faults.map(|fault| fault.kind.name()).collect()
}

#[test]
fn what_a_seed_makes_up_can_be_written_down_and_read() {
    let scenario = searching("[search]\nfaults = \"1..8\"\n");
    for seed in 0..300 {
        let plan = Plan::new(&scenario, seed).expect("it can be planned");
        let count = plan.faults.len();
        assert!((1..=8).contains(&count), "{count} faults");
        assert!(plan.scenario.search.is_none(), "what is drawn is not drawn again");
        let text = plan.scenario.to_toml();
        let read = Scenario::parse(&text, &[]).unwrap_or_else(|errors| {
            panic!("seed {seed}: {:?}\n{text}", errors.first().map(|e| &e.message))
        });
        assert_eq!(read.faults, plan.scenario.faults);
    }
}

#[test]
fn every_kind_comes_up_and_those_beyond_the_promise_only_when_asked_for() {
    let safe = "[cluster.config]\n\"min.insync.replicas\" = 2\n[search]\nfaults = 6\n";
    let within = kinds(&searching(safe), 400);
    let beyond = kinds(&searching(&format!("{safe}beyond_spec = true\n")), 400);
    // What nobody draws is what a file must say by itself.
    let never = ["bit-rot", "abort-hanging", "add-broker"];
    let missing: Vec<&str> = FaultKind::names().filter(|name| !beyond.contains(name)).collect();
    assert_eq!(missing, never);
    let only_beyond: Vec<&str> = beyond.difference(&within).copied().collect();
    assert_eq!(only_beyond, ["unclean-election"]);
}

#[test]
fn a_host_loses_what_it_holds_once_and_only_where_another_has_it() {
    let lossy = |scenario: &Scenario, seed| {
        let plan = Plan::new(scenario, seed).expect("it can be planned");
        let faults = plan.scenario.faults.into_iter();
        let is = |kind: FaultKind| matches!(kind.name(), "broker-power-cut" | "disk-failure");
        faults.filter(|fault| is(fault.kind)).count()
    };
    let kept = searching("[search]\nfaults = 8\n[cluster.config]\n\"min.insync.replicas\" = 2\n");
    let most = (0..400).map(|seed| lossy(&kept, seed)).max();
    assert_eq!(most, Some(1));
    // What the file itself takes away counts.
    for own in ["broker-power-cut", "broker-kill"] {
        let more = format!(
            "[search]\nfaults = 8\n[cluster.config]\n\"min.insync.replicas\" = 2\n\
             [[fault]]\nkind = \"{own}\"\ntarget = \"broker:1\"\nat = \"1s\"\nfor = \"1s\"\n"
        );
        let scenario = searching(&more);
        let own_losses = usize::from(own == "broker-power-cut");
        assert_eq!((0..400).map(|seed| lossy(&scenario, seed)).max(), Some(own_losses), "{own}");
    }
    let groups = "[service.audit]\nkind = \"reader\"\ninput = \"orders\"\n[search]\nfaults = 8\n\
                  [cluster.config]\n\"min.insync.replicas\" = 2\n\
                  \"offsets.topic.replication.factor\" = 2\n";
    let offsets = searching(groups);
    assert_eq!((0..400).map(|seed| lossy(&offsets, seed)).max(), Some(0), "of groups");
    let alone = searching("[search]\nfaults = 8\n[cluster.config]\n\"min.insync.replicas\" = 1\n");
    assert_eq!((0..400).map(|seed| lossy(&alone, seed)).max(), Some(0));
}

#[test]
fn blind_faults_come_by_time() {
    let blind = searching("[search]\nfaults = 8\nat_events = 0\n");
    for seed in 0..50 {
        let plan = Plan::new(&blind, seed).expect("it can be planned");
        let by_time = |fault: &Fault| matches!(fault.trigger, Trigger::At(_));
        assert!(plan.scenario.faults.iter().all(by_time));
    }
}

#[test]
fn orders_of_magnitude_are_drawn_alike() {
    let mut draws = Stream::new(1, "magnitudes");
    let mut counts = [0_u32; 10];
    for _ in 0..10_000 {
        let drawn = magnitude(&mut draws, 1, 1_000);
        assert!((1..=1_000).contains(&drawn));
        counts[drawn.ilog2() as usize] += 1;
    }
    assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
}

#[test]
fn every_second_length_is_about_a_timeout_of_the_run() {
    let mut scenario = searching("[search]\nfaults = 1\n");
    scenario.duration = 300_000 * MILLISECOND;
    let ground = Ground::of(&scenario);
    let mut draws = Stream::new(1, "lengths");
    let timeouts = ground.timeouts();
    let near = |length: u64| timeouts.iter().any(|t| (t / 2..=t * 2).contains(&length));
    let lengths = (0..2_000).map(|_| ground.length(&mut draws, SHORTEST_LASTING));
    let about = lengths.filter(|&length| near(length)).count();
    // And some of those that are drawn by their magnitude.
    assert!((1_000..1_700).contains(&about), "{about} of {timeouts:?}");
    scenario.duration = MILLISECOND;
    assert!(Ground::of(&scenario).timeouts().is_empty(), "none that is longer than the run");
}

#[test]
fn some_faults_flap_and_some_hit_all_there_are() {
    let scenario = searching("[search]\nfaults = 8\nkeep = 1\n");
    let plan = |seed| Plan::new(&scenario, seed).expect("it can be planned");
    let runs: Vec<Vec<Fault>> = (0..200).map(|seed| plan(seed).scenario.faults).collect();
    let after = |fault: &Fault| match &fault.trigger {
        Trigger::On { after, .. } => after.low,
        Trigger::At(_) => 0,
    };
    let flaps = |pair: &[Fault]| {
        let lasted = pair[0].duration.map_or(0, |lasts| lasts.low);
        (pair[0].kind, &pair[0].target) == (pair[1].kind, &pair[1].target)
            && lasted > 0
            && after(&pair[1]) > after(&pair[0]) + lasted
    };
    let flapping = runs.iter().filter(|faults| faults.windows(2).any(flaps)).count();
    assert!(flapping > 40, "{flapping}");
    let hit = |is: fn(&Target) -> bool| runs.iter().flatten().filter(|f| is(&f.target)).count();
    assert!(hit(|target| matches!(target, Target::AllBrokers)) > 20);
    assert!(hit(|target| matches!(target, Target::Service { instance: None, .. })) > 20);
}

#[test]
fn a_mutation_changes_one_thing_and_the_rest_keeps_its_draws() {
    let scenario = searching("[search]\nfaults = 4\n");
    let of = |seed, mutations: &[u64]| {
        let mut scenario = scenario.clone();
        let search = scenario.search.as_mut().expect("it has one");
        search.mutations = mutations.to_vec();
        Plan::new(&scenario, seed).expect("it can be planned")
    };
    let key = |plan: &Plan| -> Vec<_> {
        let faults = plan.faults.iter();
        faults
            .map(|one| (one.fault.kind, one.fault.target.clone(), one.choice, one.lasts))
            .collect()
    };
    let mut changed = 0;
    for seed in 0..40 {
        let (plain, one) = (of(seed, &[]), of(seed, &[seed]));
        let (before, after) = (key(&plain), key(&one));
        let same = before.iter().filter(|fault| after.contains(fault)).count();
        assert!(same + 1 >= before.len(), "seed {seed}: {before:?} {after:?}");
        assert!(after.len().abs_diff(before.len()) <= 1, "seed {seed}");
        changed += u32::from(plain.scenario.faults.len() != after.len() || before != after);
        assert_eq!(key(&of(seed, &[seed])), after, "seed {seed}: the same again");
        let text = one.scenario.to_toml();
        let read = Scenario::parse(&text, &[]).expect("it can be written down");
        assert_eq!(read.faults, one.scenario.faults);
    }
    // Some have moved only.
    assert!(changed > 25, "{changed}");
}
