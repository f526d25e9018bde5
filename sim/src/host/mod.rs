//! What a machine is made of: CPU thread pools, network card, disk and page cache.

mod cpu;
mod disk;
mod nic;
mod page_cache;
mod residency;
mod token_bucket;

pub use cpu::ThreadPool;
pub use disk::{Disk, DiskProfile};
pub use nic::{Nic, NicProfile};
pub use page_cache::{DIRTY_EXPIRE, PageCache, WRITEBACK_INTERVAL, WriteBack};
pub use residency::Residency;
pub use token_bucket::{Rate, TokenBucket};
