//! What is told about a scenario before it runs: what the language warns of, and what only who
//! knows the machines can tell, that a rule or a key makes no difference.

mod effect;
mod keys;
mod rules;

use scenarios::Scenario;
use scenarios::warning::Warning;

pub(crate) use effect::{Effect, effect};

/// All warnings about a scenario.
pub(crate) fn warnings(scenario: &Scenario) -> Vec<Warning> {
    let mut all = scenarios::warning::warnings(scenario);
    all.extend(rules::rules_without_effect(scenario));
    all.extend(keys::keys_without_effect(scenario));
    all
}
