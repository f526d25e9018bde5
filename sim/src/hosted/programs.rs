//! Two small programs: one produces at the pace of the load, one reads and commits.

use broker_model::types::Duration;

use super::process::Process;
use super::producer::NewRecord;

/// What [`produce`] sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// How many records, at most as many as the load phase has room for.
    pub records: u32,
    /// Nanoseconds from one to the next.
    pub gap: Duration,
    /// Records with equal numbers modulo this have one key.
    pub keys: u32,
    /// Bytes of a record.
    pub size: u32,
}

/// Sends records at their intended times, whatever becomes of earlier ones, and waits for all of
/// them at the end. A process that was restarted sends what was still to come.
pub async fn produce(process: Process, pace: Pace) {
    let producer = process.producer();
    let load = process.load().await;
    for number in 0..pace.records {
        let at = load.from + (u64::from(number) + 1) * pace.gap;
        if at < process.now() {
            continue;
        }
        if at >= load.until {
            break;
        }
        process.sleep_until(at).await;
        // The delivery is not awaited here: nobody waits for an answer in front of the next call.
        drop(producer.send(NewRecord::keyed(number % pace.keys, pace.size).intended(at)));
    }
    producer.flush().await;
}

/// Reads for ever, and commits what it has read when `interval` has passed since the last commit.
pub async fn consume(process: Process, interval: Duration) {
    let mut consumer = process.consumer();
    let mut due = process.now() + interval;
    loop {
        // An error is told once; the next poll goes on where it can.
        let polled = consumer.poll_until(due).await.unwrap_or_default();
        if process.now() >= due || !polled.revoked.is_empty() {
            // What could not be committed now will be with the next commit.
            let _committed = consumer.commit().await;
            due = process.now() + interval;
        }
    }
}
