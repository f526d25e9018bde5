//! Built-in hardware profiles.
//!
//! Network and disk figures are the vendor's published base and burst rates; CPU costs are
//! priors fitted to published load tests: a produce request 60 to 120 us, a fetch 40 to 80 us,
//! 10 to 20 us a batch, 0.5 to 1.5 ms a MB in, 0.2 to 0.5 ms a MB out, without TLS.

use crate::model::cluster::{Cpu, Disk, Hardware, Nic};
use crate::model::quantity::Distribution;

const MB: u64 = 1_000_000;
const GIB: u64 = 1 << 30;
const US: u64 = 1_000;
const MS: u64 = 1_000_000;

/// The profile of a broker when a scenario names none.
pub const DEFAULT: &str = "m5.2xlarge";

/// One line of the table below.
struct Line {
    name: &'static str,
    vcpus: u32,
    /// Page cache, GiB.
    memory: u64,
    /// Network base and burst, Mb/s.
    network: (u64, u64),
    /// Disk base and burst, kB/s.
    disk: (u64, u64),
    /// Disk capacity, GiB.
    capacity: u64,
    local: bool,
}

/// Names with a `local` disk have NVMe drives of their own, the others network volumes.
const LINES: &[Line] = &[
    line("m5.large", 2, 5, (750, 10_000), (81_250, 593_750), 1_000, false),
    line("m5.xlarge", 4, 11, (1_250, 10_000), (143_750, 593_750), 1_000, false),
    line("m5.2xlarge", 8, 26, (2_500, 10_000), (287_500, 593_000), 2_000, false),
    line("m5.4xlarge", 16, 58, (5_000, 10_000), (593_750, 593_750), 4_000, false),
    line("m7g.2xlarge", 8, 26, (3_750, 15_000), (312_500, 1_250_000), 2_000, false),
    line("r5.2xlarge", 8, 58, (2_500, 10_000), (287_500, 593_000), 2_000, false),
    line("i3.2xlarge", 8, 55, (2_500, 10_000), (720_000, 720_000), 1_770, true),
    line("i3en.2xlarge", 8, 58, (8_400, 25_000), (666_000, 666_000), 4_657, true),
    line("i4i.2xlarge", 8, 58, (4_687, 12_000), (1_100_000, 1_100_000), 1_746, true),
];

const fn line(
    name: &'static str,
    vcpus: u32,
    memory: u64,
    network: (u64, u64),
    disk: (u64, u64),
    capacity: u64,
    local: bool,
) -> Line {
    Line { name, vcpus, memory, network, disk, capacity, local }
}

/// Names of all built-in profiles.
#[must_use]
pub fn names() -> Vec<&'static str> {
    LINES.iter().map(|l| l.name).chain(["test"]).collect()
}

/// A built-in profile by name.
#[must_use]
pub fn profile(name: &str) -> Option<Hardware> {
    if name == "test" {
        return Some(test_profile());
    }
    LINES.iter().find(|l| l.name == name).map(hardware)
}

fn hardware(line: &Line) -> Hardware {
    let (network_base, network_burst) = line.network;
    let (disk_base, disk_burst) = line.disk;
    let (fsync, read) = if line.local {
        let fsync = Distribution::Lognormal { mean: 60 * US, sigma_millionths: 400_000 };
        (fsync, Distribution::Lognormal { mean: 125 * US, sigma_millionths: 300_000 })
    } else {
        // gp3 volumes: 1.2 to 4 ms a write, 0.8 to 1.8 ms a read, 90 % of the time.
        let fsync = Distribution::Lognormal { mean: 2 * MS, sigma_millionths: 400_000 };
        (fsync, Distribution::Lognormal { mean: 1_050 * US, sigma_millionths: 250_000 })
    };
    Hardware {
        name: line.name.to_owned(),
        vcpus: line.vcpus,
        memory: line.memory * GIB,
        nic: Nic {
            base_bits_per_s: network_base * MB,
            burst_bits_per_s: network_burst * MB,
            // Tokens for five minutes of burst.
            bucket_bytes: (network_burst - network_base) * MB / 8 * 300,
        },
        disk: Disk {
            base_bytes_per_s: disk_base * 1_000,
            burst_bytes_per_s: disk_burst * 1_000,
            // Thirty minutes of burst, as the vendor promises once a day.
            bucket_bytes: (disk_burst - disk_base) * 1_000 * 1_800,
            capacity_bytes: line.capacity * GIB,
            fsync,
            read,
        },
        cpu: Cpu {
            produce: 90 * US,
            fetch: 60 * US,
            request: 40 * US,
            batch: 15 * US,
            in_mib: MS,
            out_mib: 350 * US,
        },
    }
}

/// Small and fast, for scenarios that are about behavior and not about size.
fn test_profile() -> Hardware {
    Hardware {
        name: "test".to_owned(),
        vcpus: 4,
        memory: GIB,
        nic: Nic { base_bits_per_s: 10_000 * MB, burst_bits_per_s: 10_000 * MB, bucket_bytes: 0 },
        disk: Disk {
            base_bytes_per_s: 500 * MB,
            burst_bytes_per_s: 500 * MB,
            bucket_bytes: 0,
            capacity_bytes: GIB,
            fsync: Distribution::Constant(200 * US),
            read: Distribution::Constant(100 * US),
        },
        cpu: Cpu {
            produce: 20 * US,
            fetch: 10 * US,
            request: 10 * US,
            batch: 2 * US,
            in_mib: 500 * US,
            out_mib: 200 * US,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, names, profile};

    #[test]
    fn every_name_has_a_profile_with_burst_above_base() {
        for name in names() {
            let hardware = profile(name).expect("listed");
            assert_eq!(hardware.name, name);
            assert!(hardware.nic.burst_bits_per_s >= hardware.nic.base_bits_per_s, "{name}");
            assert!(hardware.disk.burst_bytes_per_s >= hardware.disk.base_bytes_per_s, "{name}");
        }
        assert!(profile(DEFAULT).is_some());
        assert!(profile("m5.enormous").is_none());
    }
}
