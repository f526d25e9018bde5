//! Protocol events and message kinds, as faults name them.

use crate::decode::place::{name, number, topic_partition};
use crate::model::fault::ProtocolEvent;
use crate::model::message::MessageKind;
use crate::tree::Value;
use crate::units::Wrong;
use crate::values;

const EVENTS: &[&str] = &[
    "append",
    "high-watermark",
    "roll",
    "leader",
    "partition-change",
    "transaction-prepare",
    "rebalance",
    "controller-election",
];

/// `EVENT`, `EVENT:WHAT`, each perhaps with `#N`.
pub(super) fn event(value: &Value) -> Result<(ProtocolEvent, u64), Wrong> {
    let text = values::text(value)?;
    let (head, nth) = match text.rsplit_once('#') {
        None => (text.as_str(), 1),
        Some((head, nth)) => {
            let nth = number(nth).filter(|n| *n > 0).ok_or_else(|| {
                Wrong::new("scenario::event", "behind `#` stands a number from 1")
                    .help("the thousandth append: \"append:orders/0#1000\"")
            })?;
            (head, u64::from(nth))
        }
    };
    let (event, what) = match head.split_once(':') {
        Some((event, what)) => (event, Some(what)),
        None => (head, None),
    };
    let needs = || {
        Wrong::new("scenario::event", format!("`{event}` needs a partition"))
            .help(format!("write \"{event}:TOPIC/PARTITION\", perhaps with #N"))
    };
    let place = || topic_partition(what.ok_or_else(needs)?);
    let event = match event {
        "append" => {
            let (topic, partition) = place()?;
            ProtocolEvent::Append { topic, partition }
        }
        "high-watermark" => {
            let (topic, partition) = place()?;
            ProtocolEvent::HighWatermark { topic, partition }
        }
        "roll" => {
            let (topic, partition) = place()?;
            ProtocolEvent::Roll { topic, partition }
        }
        "leader" => {
            let (topic, partition) = place()?;
            ProtocolEvent::Leader { topic, partition }
        }
        "partition-change" => {
            let (topic, partition) = place()?;
            ProtocolEvent::PartitionChange { topic, partition }
        }
        "transaction-prepare" => {
            ProtocolEvent::TransactionPrepare { transactional_id: what.map(name).transpose()? }
        }
        "rebalance" => ProtocolEvent::Rebalance { group: what.map(name).transpose()? },
        "controller-election" if what.is_none() => ProtocolEvent::ControllerElection,
        other => match MessageKind::from_name(other) {
            Some(kind) if what.is_none() => ProtocolEvent::Sent(kind),
            _ => {
                let known = EVENTS.iter().copied().chain(MessageKind::requests());
                return Err(values::unknown_word(other, known));
            }
        },
    };
    Ok((event, nth))
}

/// The kind of a message.
pub(super) fn message_kind(value: &Value) -> Result<MessageKind, Wrong> {
    let word = values::text(value)?;
    MessageKind::from_name(&word)
        .ok_or_else(|| values::unknown_word(&word, MessageKind::requests()))
}

/// `broker:N`.
pub(super) fn broker(value: &Value) -> Result<u32, Wrong> {
    let text = values::text(value)?;
    let id = text.strip_prefix("broker:").and_then(number);
    id.ok_or_else(|| {
        let short: String = text.chars().take(60).collect();
        Wrong::new("scenario::target", format!("{short:?} is no broker"))
            .help("write \"broker:N\", like \"broker:2\"")
    })
}
