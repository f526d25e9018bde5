//! Brokers, their hardware, the network between them, and topics.

use super::config::{ConfigValue, KafkaConfig};
use super::quantity::{Distribution, Ratio};

/// `[cluster]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// `brokers`: how many, ids 1 to n, at least one.
    pub brokers: u32,
    /// `controllers`: how many controller hosts, at least one.
    pub controllers: u32,
    /// `racks`: broker `i` (counted from 0) is in rack `i % racks.len()`; service instances
    /// likewise. Never empty.
    pub racks: Vec<String>,
    /// `hardware`: the name of the profile of every broker and controller.
    pub hardware: String,
    /// `config`: Kafka's broker keys, verbatim.
    pub config: KafkaConfig,
    /// `admin`: Kafka's keys of the administrator's client, verbatim.
    pub admin: KafkaConfig,
}

impl Cluster {
    /// How many log directories a broker has (`log.dirs`), at least one.
    #[must_use]
    pub fn log_directories(&self) -> u32 {
        let count = match self.config.value("log.dirs") {
            Some(ConfigValue::List(paths)) => paths.len(),
            Some(ConfigValue::Text(paths)) => paths.split(',').count(),
            _ => 1,
        };
        u32::try_from(count).unwrap_or(u32::MAX).max(1)
    }
}

/// A hardware profile: `[hardware.NAME]` or built in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hardware {
    /// Its name.
    pub name: String,
    /// `vcpus`: hardware threads, at least one.
    pub vcpus: u32,
    /// `memory`: bytes of page cache for log files.
    pub memory: u64,
    /// `network_*`.
    pub nic: Nic,
    /// `disk_*`.
    pub disk: Disk,
    /// `cpu_*`.
    pub cpu: Cpu,
}

/// A network interface: a token bucket that starts full, for each direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nic {
    /// `network_base`: bits per second, refills the bucket.
    pub base_bits_per_s: u64,
    /// `network_burst`: bits per second while the bucket has tokens, not below the base.
    pub burst_bits_per_s: u64,
    /// `network_bucket`: tokens in bytes.
    pub bucket_bytes: u64,
}

/// A disk: a token bucket for bandwidth, a latency for reads, one for fsync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disk {
    /// `disk_base`: bytes per second, refills the bucket.
    pub base_bytes_per_s: u64,
    /// `disk_burst`: bytes per second while the bucket has tokens, not below the base.
    pub burst_bytes_per_s: u64,
    /// `disk_bucket`: tokens in bytes.
    pub bucket_bytes: u64,
    /// `disk_capacity`: bytes.
    pub capacity_bytes: u64,
    /// `disk_fsync`: latency of an fsync without data, nanoseconds.
    pub fsync: Distribution,
    /// `disk_read`: latency of a read that misses the page cache, nanoseconds.
    pub read: Distribution,
}

/// What requests cost a broker's CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    /// `cpu_produce`: nanoseconds per produce request.
    pub produce: u64,
    /// `cpu_fetch`: nanoseconds per fetch request, consumer's or follower's.
    pub fetch: u64,
    /// `cpu_request`: nanoseconds per any other request.
    pub request: u64,
    /// `cpu_batch`: nanoseconds per record batch appended (validation, CRC, index).
    pub batch: u64,
    /// `cpu_in_mib`: nanoseconds per MiB received.
    pub in_mib: u64,
    /// `cpu_out_mib`: nanoseconds per MiB sent.
    pub out_mib: u64,
}

/// `[network]`: one-way message latencies; bandwidth is the hardware's unless bounded here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// `same_rack`: one-way latency within a rack, nanoseconds.
    pub same_rack: Distribution,
    /// `cross_rack`: one-way latency between racks, nanoseconds.
    pub cross_rack: Distribution,
    /// `jitter`: added to each message, nanoseconds.
    pub jitter: Distribution,
    /// `bandwidth`: bits per second of each link, if bounded below the interfaces.
    pub bandwidth_bits_per_s: Option<u64>,
    /// `connection_loss`: probability per message that its connection breaks.
    pub connection_loss: Ratio,
}

/// `[topic.NAME]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// `partitions`, at least one.
    pub partitions: u32,
    /// `replication`: the replication factor, at most the number of brokers.
    pub replication: u32,
    /// `config`: Kafka's topic keys, verbatim. Broker keys of the cluster apply below it.
    pub config: KafkaConfig,
}
