//! Page cache against durable bytes, file by file.
//!
//! An append is in the page cache at once. The operating system writes old dirty pages back
//! in the background; a power cut loses, in each file by itself, what is not durable yet.

use broker_model::types::{Duration, Instant, Offset, PartitionId, SECOND};

/// Dirty pages older than this are written back (Linux `vm.dirty_expire_centisecs`).
pub const DIRTY_EXPIRE: Duration = 30 * SECOND;
/// How often the background writer looks (Linux `vm.dirty_writeback_centisecs`).
pub const WRITEBACK_INTERVAL: Duration = 5 * SECOND;

#[derive(Clone, Copy, Debug, Default)]
struct File {
    end: Offset,
    dirty: u64,
    since: Instant,
    durable: Offset,
}

/// A write-back under way.
#[derive(Clone, Debug)]
pub struct WriteBack {
    /// Bytes to write.
    pub bytes: u64,
    files: Vec<(u32, Offset)>,
}

/// The page cache of one broker: a log is one file here.
#[derive(Clone, Debug, Default)]
pub struct PageCache {
    files: Vec<File>,
    dirty: u64,
    limit: u64,
    peak: u64,
}

impl PageCache {
    /// An empty cache that holds at most `limit` dirty bytes before writers must wait
    /// (Linux `vm.dirty_ratio`, as bytes).
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { files: Vec::new(), dirty: 0, limit, peak: 0 }
    }

    /// Bytes were appended to a log whose end is now `end`.
    pub fn append(&mut self, now: Instant, partition: PartitionId, bytes: u32, end: Offset) {
        let index = partition.index();
        if index >= self.files.len() {
            self.files.resize(index + 1, File::default());
        }
        let file = &mut self.files[index];
        if file.dirty == 0 {
            file.since = now;
        }
        file.dirty += u64::from(bytes);
        file.end = end;
        self.dirty += u64::from(bytes);
        self.peak = self.peak.max(self.dirty);
    }

    /// A log was cut: what was durable behind the new end is not any more.
    pub fn truncate(&mut self, partition: PartitionId, end: Offset) {
        if let Some(file) = self.files.get_mut(partition.index()) {
            file.end = end;
            file.durable = file.durable.min(end);
        }
    }

    /// Bytes by which writers exceed the limit and must wait for the disk.
    #[must_use]
    pub const fn excess(&self) -> u64 {
        self.dirty.saturating_sub(self.limit)
    }

    /// What the background writer takes now: all files when over half the limit, else those
    /// whose oldest dirty page has expired. `None` if there is nothing to do.
    pub fn begin_write_back(&mut self, now: Instant) -> Option<WriteBack> {
        let pressed = self.dirty * 2 > self.limit;
        let mut taken = WriteBack { bytes: 0, files: Vec::new() };
        for (index, file) in self.files.iter_mut().enumerate() {
            if file.dirty > 0 && (pressed || now.since(file.since) >= DIRTY_EXPIRE) {
                taken.bytes += file.dirty;
                taken.files.push((index as u32, file.end));
                file.dirty = 0;
            }
        }
        (!taken.files.is_empty()).then_some(taken)
    }

    /// A write-back is durable now.
    pub fn end_write_back(&mut self, done: &WriteBack) {
        self.dirty = self.dirty.saturating_sub(done.bytes);
        for &(index, end) in &done.files {
            let file = &mut self.files[index as usize];
            file.durable = file.durable.max(end.min(file.end));
        }
    }

    /// Dirty bytes of one log, which a flush of it writes; they count as written from now on.
    pub fn take_dirty(&mut self, partition: PartitionId) -> u64 {
        let Some(file) = self.files.get_mut(partition.index()) else { return 0 };
        let bytes = std::mem::take(&mut file.dirty);
        self.dirty = self.dirty.saturating_sub(bytes);
        bytes
    }

    /// A flush of one log up to `end` is durable now.
    pub fn flushed(&mut self, partition: PartitionId, end: Offset) {
        let index = partition.index();
        if index >= self.files.len() {
            self.files.resize(index + 1, File::default());
        }
        let file = &mut self.files[index];
        file.durable = file.durable.max(end.min(file.end));
    }

    /// Everything is durable: the process stopped in order.
    pub fn flush_all(&mut self) {
        for file in &mut self.files {
            file.durable = file.end;
            file.dirty = 0;
        }
        self.dirty = 0;
    }

    /// First offset of a log that a power cut would lose.
    #[must_use]
    pub fn durable(&self, partition: PartitionId) -> Offset {
        self.files.get(partition.index()).map_or(Offset::ZERO, |file| file.durable)
    }

    /// The power was cut: only durable bytes are left.
    pub fn power_cut(&mut self) {
        for file in &mut self.files {
            file.end = file.durable;
            file.dirty = 0;
        }
        self.dirty = 0;
    }

    /// Most dirty bytes there ever were.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }

    /// Dirty bytes now.
    #[must_use]
    pub const fn dirty(&self) -> u64 {
        self.dirty
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Instant, Offset, PartitionId};

    use super::{DIRTY_EXPIRE, PageCache};

    #[test]
    fn a_power_cut_loses_each_file_by_itself() {
        let mut cache = PageCache::new(1 << 30);
        let (a, b) = (PartitionId(0), PartitionId(1));
        cache.append(Instant(0), a, 100, Offset(10));
        cache.append(Instant(1), b, 100, Offset(7));
        let bytes = cache.take_dirty(a);
        assert_eq!(bytes, 100);
        cache.flushed(a, Offset(10));
        cache.append(Instant(2), a, 50, Offset(15));
        cache.power_cut();
        assert_eq!(cache.durable(a), Offset(10));
        assert_eq!(cache.durable(b), Offset(0));
        assert_eq!(cache.dirty(), 0);
    }

    #[test]
    fn old_pages_are_written_back() {
        let mut cache = PageCache::new(1 << 30);
        cache.append(Instant(0), PartitionId(0), 100, Offset(10));
        assert!(cache.begin_write_back(Instant(1)).is_none(), "still young");
        let job = cache.begin_write_back(Instant(DIRTY_EXPIRE)).expect("expired");
        assert_eq!(job.bytes, 100);
        assert_eq!(cache.durable(PartitionId(0)), Offset(0), "not before the disk says so");
        cache.end_write_back(&job);
        assert_eq!(cache.durable(PartitionId(0)), Offset(10));
    }

    #[test]
    fn pressure_writes_young_pages_too() {
        let mut cache = PageCache::new(150);
        cache.append(Instant(0), PartitionId(3), 100, Offset(10));
        assert!(cache.begin_write_back(Instant(1)).is_some());
    }
}
