//! A run as a scenario of its own: every draw of its plan written down, and what came of it as what is
//! expected.

use reports::checker::{Anomaly as Found, Verdict};
use scenarios::Scenario;
use scenarios::model::{Anomaly, Drawn, Expectation, Ratio, Trigger, Verdict as Expected};

use super::Run;
use crate::plan::{Plan, PlanError};

/// The scenario of a run with every draw of its plan fixed. Faults that the seed left out stay, with
/// chance zero, so that the others keep their numbers.
///
/// # Errors
/// When the scenario cannot be planned.
pub fn resolved(scenario: &Scenario, seed: u64, run: &Run) -> Result<Scenario, PlanError> {
    let mut resolved = drawn(scenario, seed, |number| run.world.has_fired(number))?;
    resolved.expect = came_of(scenario.expect.anomaly, run);
    Ok(resolved)
}

/// The same, which expects what the file of the scenario expects. A fault that a seed made up is a
/// part of it if it fired.
pub(crate) fn drawn(
    scenario: &Scenario,
    seed: u64,
    has_fired: impl Fn(usize) -> bool,
) -> Result<Scenario, PlanError> {
    let plan = Plan::new(scenario, seed)?;
    let mut resolved = plan.scenario.clone();
    resolved.seed = seed;
    resolved.swarm.enabled = false;
    for (number, (fault, planned)) in resolved.faults.iter_mut().zip(&plan.faults).enumerate() {
        match &mut fault.trigger {
            Trigger::At(at) => *at = Drawn::fixed(planned.at.unwrap_or(at.low)),
            Trigger::On { after, .. } => *after = Drawn::fixed(planned.after),
        }
        fault.duration = planned.lasts.map(Drawn::fixed);
        if let Some(latency) = fault.kind.latency_mut() {
            *latency = Drawn::fixed(planned.delay);
        }
        // A file demands that its faults fire.
        let there = planned.on && (!planned.made_up || has_fired(number));
        fault.chance = if there { Ratio::ONE } else { Ratio::ZERO };
    }
    Ok(resolved)
}

/// What came of a run, as what its file expects from now on: above all `named`, if it was found.
pub(crate) fn came_of(named: Option<Anomaly>, run: &Run) -> Expectation {
    let summary = &run.summary;
    let expected = named.map(Anomaly::name);
    let found = summary.anomalies.iter().copied().map(Found::name);
    let anomaly = found.clone().find(|name| Some(*name) == expected).or(found.clone().next());
    // A fault that found nothing to change is not demanded: it need not strike.
    let struck = run.world.fault_records().iter().filter(|fault| fault.struck);
    let mut notes: Vec<String> = struck.map(|fault| fault.kind.to_owned()).collect();
    notes.sort_unstable();
    notes.dedup();
    Expectation {
        verdict: match summary.verdict {
            Verdict::Pass | Verdict::Off => Expected::Pass,
            Verdict::Fail => Expected::Fail,
            Verdict::Inconclusive => Expected::Inconclusive,
        },
        anomaly: anomaly.filter(|_| summary.verdict == Verdict::Fail).and_then(Anomaly::from_name),
        also: found.filter(|name| Some(*name) != anomaly).filter_map(Anomaly::from_name).collect(),
        notes,
    }
}

#[cfg(test)]
mod tests {
    use scenarios::Scenario;

    use super::resolved;
    use crate::run::run;
    use crate::world::small::cluster;

    #[test]
    fn a_fault_that_changed_nothing_is_not_demanded() {
        let faults = r#"
            [[fault]]
            kind = "broker-kill"
            target = "broker:1"
            at = "100ms"
            for = "1s"
            [[fault]]
            kind = "broker-pause"
            target = "broker:1"
            at = "500ms"
            for = "100ms"
        "#;
        let scenario = Scenario::parse(&cluster((3, 3), 2, 20, faults), &[]).expect("a scenario");
        let run = run(&scenario, std::path::Path::new("it.toml"), 0, || 0.0).expect("it runs");
        let resolved = resolved(&scenario, 0, &run).expect("it can be written");
        assert_eq!(resolved.expect.notes, ["broker-kill"]);
    }
}
