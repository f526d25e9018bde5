//! `[swarm]` and `[search]`: faults that each seed draws.

use crate::decoder::Decoder;
use crate::model::fault::{Search, Swarm};
use crate::model::quantity::{Drawn, Ratio};
use crate::spec;
use crate::tree::Node;
use crate::values;

/// More faults than this in one run tell nobody anything.
const FAULTS_MAX: u64 = 64;
/// TOML knows no larger integers.
const MUTATION_MAX: u64 = i64::MAX as u64;

/// `[swarm]`.
pub(super) fn swarm(decoder: &mut Decoder, node: Option<&Node>) -> Swarm {
    let mut swarm = Swarm { enabled: false, keep: Ratio { numerator: 5, denominator: 10 } };
    let fields = node.and_then(|n| decoder.open(n, "swarm", &spec::SWARM, &[]));
    let Some(t) = fields else { return swarm };
    swarm.enabled = t.read(decoder, "enabled", values::flag).unwrap_or(true);
    if let Some(keep) = t.read(decoder, "keep", values::probability) {
        swarm.keep = keep;
    }
    swarm
}

/// `[search]`.
pub(super) fn search(decoder: &mut Decoder, node: Option<&Node>) -> Option<Search> {
    let t = decoder.open(node?, "search", &spec::SEARCH, &[])?;
    let mut search = Search {
        faults: Drawn { low: 1, high: 6 },
        at_events: Ratio { numerator: 4, denominator: 10 },
        keep: Ratio { numerator: 5, denominator: 10 },
        beyond_spec: t.read(decoder, "beyond_spec", values::flag).unwrap_or(false),
        mutations: t
            .read_list(decoder, "mutations", values::count(0..=MUTATION_MAX))
            .unwrap_or_default(),
    };
    if let Some(faults) = t.read(decoder, "faults", values::drawn_count(FAULTS_MAX)) {
        search.faults = faults;
    }
    if let Some(share) = t.read(decoder, "at_events", values::probability) {
        search.at_events = share;
    }
    if let Some(keep) = t.read(decoder, "keep", values::probability) {
        search.keep = keep;
    }
    Some(search)
}
