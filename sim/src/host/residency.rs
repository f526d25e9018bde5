//! Which pages of the logs are in memory: the newest ones, as many as there is room for.

use std::collections::VecDeque;

use broker_model::types::{Offset, PartitionId};

/// A mark at most this often in a log, as a share of the memory.
const MARKS: u64 = 1_024;
/// Appends closer together than this share a mark.
const STRIDE_MIN: u64 = 64 << 10;

/// One log: marks in order of offset, and the end of what has left the memory.
#[derive(Clone, Debug, Default)]
struct File {
    marks: VecDeque<Mark>,
    end: Offset,
    cold_before: Offset,
}

/// Everything before `end` was appended before the host had appended `total` bytes.
#[derive(Clone, Copy, Debug)]
struct Mark {
    end: Offset,
    total: u64,
}

/// The pages of a host's logs that reads need not fetch from the disk.
///
/// Kafka relies on the operating system's page cache. Here it is a window over all appends of
/// the host in their order: pages leave it in the order in which they were written, whatever
/// was read in between. Readers at the tail are always served from memory.
#[derive(Clone, Debug, Default)]
pub struct Residency {
    files: Vec<File>,
    memory: u64,
    total: u64,
}

impl Residency {
    /// No logs yet, and room for `memory` bytes.
    #[must_use]
    pub const fn new(memory: u64) -> Self {
        Self { files: Vec::new(), memory, total: 0 }
    }

    /// Bytes were appended to a log whose end is now `end`.
    pub fn append(&mut self, partition: PartitionId, bytes: u32, end: Offset) {
        let index = partition.index();
        if index >= self.files.len() {
            self.files.resize(index + 1, File::default());
        }
        self.total += u64::from(bytes);
        let stride = (self.memory / MARKS).max(STRIDE_MIN);
        let file = &mut self.files[index];
        if end <= file.end {
            // The log was cut before: what stands here now is new.
            file.cold_before = file.cold_before.min(end);
        }
        file.end = end;
        match file.marks.back_mut() {
            Some(last) if self.total - last.total < stride => last.end = end,
            _ => file.marks.push_back(Mark { end, total: self.total }),
        }
        if self.total > self.memory {
            file.evict(self.total - self.memory);
        }
    }

    /// Whether a read of a log from this offset on needs the disk.
    pub fn is_cold(&mut self, partition: PartitionId, offset: Offset) -> bool {
        let Some(file) = self.files.get_mut(partition.index()) else { return false };
        if self.total > self.memory {
            file.evict(self.total - self.memory);
        }
        offset < file.cold_before
    }

    /// Whether any read could need the disk: nothing has left the memory before.
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.total <= self.memory
    }

    /// The power went: memory is empty, and the logs end where `durable` says.
    pub fn power_cut(&mut self, durable: impl Fn(PartitionId) -> Offset) {
        for (index, file) in self.files.iter_mut().enumerate() {
            file.marks.clear();
            file.end = durable(PartitionId(index as u32));
            file.cold_before = file.end;
        }
        // What is written from now on counts from a full window, so that the files are looked at.
        self.total = self.total.max(self.memory + 1);
    }
}

impl File {
    /// Forgets what was appended before the host had appended `gone` bytes.
    fn evict(&mut self, gone: u64) {
        while let Some(mark) = self.marks.front().filter(|mark| mark.total <= gone) {
            self.cold_before = self.cold_before.max(mark.end);
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use broker_model::types::{Offset, PartitionId};

    use super::Residency;

    const A: PartitionId = PartitionId(0);
    const B: PartitionId = PartitionId(1);
    const CHUNK: u32 = 128 << 10;

    #[test]
    fn what_all_logs_wrote_last_is_in_memory() {
        let mut pages = Residency::new(4 * u64::from(CHUNK));
        for end in 1..=4 {
            pages.append(A, CHUNK, Offset(end));
        }
        assert!(pages.is_warm());
        assert!(!pages.is_cold(A, Offset(0)));
        pages.append(B, CHUNK, Offset(1));
        pages.append(B, CHUNK, Offset(2));
        assert!(!pages.is_warm());
        assert!(pages.is_cold(A, Offset(1)), "two chunks of the other log pushed it out");
        assert!(!pages.is_cold(A, Offset(2)));
        assert!(!pages.is_cold(B, Offset(0)));
    }

    #[test]
    fn a_power_cut_empties_the_memory() {
        let mut pages = Residency::new(1 << 30);
        pages.append(A, CHUNK, Offset(5));
        pages.power_cut(|_| Offset(5));
        assert!(pages.is_cold(A, Offset(4)));
        pages.append(A, CHUNK, Offset(6));
        assert!(!pages.is_cold(A, Offset(5)), "written since");
    }
}
