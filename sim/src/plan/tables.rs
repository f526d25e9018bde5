//! Tables of a scenario's distributions, made once for all its runs.
//!
//! They do not depend on the seed, and to make them anew cost a small run a tenth of its time.

use std::sync::Arc;

use scenarios::Scenario;
use scenarios::model::{Arrivals, Distribution, Rate, ServiceTime, Shape};

use super::Quantiles;
use crate::prng::Stream;

/// A million seconds in nanoseconds, the time base of rates.
const RATE_BASE: u128 = 1_000_000 * 1_000_000_000;

/// The mean gap between the arrivals at one of `instances`, nanoseconds.
#[must_use]
pub fn mean_gap(rate: Rate, instances: u32) -> u64 {
    let gap = RATE_BASE * u128::from(instances) / u128::from(rate.micro_per_second.max(1));
    u64::try_from(gap).unwrap_or(u64::MAX / 2).max(1)
}

/// Tables that were made before. One that is missing is made when it is asked for.
#[derive(Clone, Default, Debug)]
pub struct Tables(Arc<[(Distribution, Quantiles)]>);

impl Tables {
    /// Those of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let mut all: Vec<(Distribution, Quantiles)> = Vec::new();
        let mut add = |distribution: Distribution| {
            let drawn = matches!(distribution, Distribution::PerSeed(_));
            if !drawn && all.iter().all(|(known, _)| *known != distribution) {
                // No table that does not depend on the seed draws anything.
                let mut draws = Stream::new(0, "tables");
                all.push((distribution, Quantiles::new(&distribution, &mut draws)));
            }
        };
        let (network, disk) = (&scenario.network, &scenario.hardware.disk);
        [network.same_rack, network.cross_rack, network.jitter, disk.fsync, disk.read]
            .into_iter()
            .for_each(&mut add);
        for service in &scenario.services {
            match &service.time {
                ServiceTime::Same(time) => add(*time),
                ServiceTime::PerInput(times) => times.iter().copied().for_each(&mut add),
            }
        }
        for load in &scenario.loads {
            add(load.size);
            if let Arrivals::Open { rate, shape: Shape::Poisson } = load.arrivals {
                let service = scenario.services.iter().find(|one| one.name == load.into);
                let instances = service.map_or(1, |service| service.instances);
                add(Distribution::Exponential { mean: mean_gap(rate, instances) });
            }
        }
        Self(all.into())
    }

    /// The table of a distribution. `draws` gives values that are drawn once per seed.
    #[must_use]
    pub fn get(&self, distribution: &Distribution, draws: &mut Stream) -> Quantiles {
        match self.0.iter().find(|(known, _)| known == distribution) {
            Some((_, table)) => table.clone(),
            None => Quantiles::new(distribution, draws),
        }
    }
}

#[cfg(test)]
mod tests {
    use scenarios::Scenario;
    use scenarios::model::Distribution;

    use super::{Quantiles, Tables};
    use crate::prng::Stream;

    #[test]
    fn a_table_made_before_is_the_one_made_now() {
        let text = include_str!("../../../scenarios/order-pipeline.toml");
        let scenario = Scenario::parse(text, &[]).expect("a shipped scenario");
        let tables = Tables::of(&scenario);
        assert!(tables.0.len() > 3, "latencies, service times, gaps");
        let mut draws = Stream::new(3, "test");
        for (distribution, _) in tables.0.iter() {
            let now = Quantiles::new(distribution, &mut draws);
            assert_eq!(tables.get(distribution, &mut draws), now);
        }
        let other = Distribution::Uniform { low: 7, high: 77 };
        assert_eq!(tables.get(&other, &mut draws), Quantiles::new(&other, &mut draws));
        assert_eq!(draws.bits(), Stream::new(3, "test").bits(), "nothing was drawn");
    }
}
