//! What a broker says before it reads a request: versions, sizes, bytes that are none.

use broker_model::config::BrokerConfig;
use broker_model::protocol::ErrorCode;
use broker_model::protocol::versions::{API_VERSIONS, BROKER_APIS, is_supported};

use super::DialogueErrorKind;
use super::args::Args;
use super::reply::Reply;
use super::session::Session;

/// `api_key` of Metadata.
const METADATA: i16 = 3;
/// From this version on `ApiVersions` tells the finalized features (KIP-584).
const FEATURES: i16 = 3;
/// The header of a request without a client id: key, version, correlation id, length -1.
const HEADER_BYTES: i64 = 10;

pub(super) fn api_versions(session: &Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["at", "v"])?;
    let version: i16 = args.number("v", 4)?;
    let reply = BROKER_APIS.iter().fold(Reply::of(ErrorCode::None), |reply, api| {
        reply.line(format_args!("{}({}) {}-{}", api.name, api.key, api.min, api.max))
    });
    let broker = session.cluster.broker(session.any_node(args)?);
    let features = broker.into_iter().flat_map(|broker| broker.image().features());
    let features = features.filter(|_| version >= FEATURES);
    Ok(features.fold(reply, |reply, (name, level)| {
        reply.line(format_args!("feature {name}")).with("level", level)
    }))
}

/// `raw api=N v=N [body=HEX] [size=N]`: a request as bytes, on a connection of its own.
pub(super) fn raw(session: &Session, args: &Args) -> Result<Reply, DialogueErrorKind> {
    args.only(&["api", "v", "body", "size", "at"])?;
    session.any_node(args)?;
    let (key, version): (i16, i16) = (args.number("api", 0)?, args.number("v", 0)?);
    let body = bytes(args.get("body").unwrap_or(""))?;
    let size = args.number("size", HEADER_BYTES + body.len() as i64)?;
    let answered = |error| Ok(Reply::of("reply").with("error", error));
    let longest = i64::from(BrokerConfig::default().socket_request_max_bytes);
    if !(HEADER_BYTES..=longest).contains(&size) {
        return Ok(Reply::of("DISCONNECTED"));
    }
    if key == API_VERSIONS && !is_supported(key, version) {
        return answered(ErrorCode::UnsupportedVersion);
    }
    let readable = match key {
        _ if !is_supported(key, version) => false,
        API_VERSIONS if version < 3 => body.is_empty(),
        METADATA if (1..4).contains(&version) => is_topic_list(&body),
        _ => return Err(DialogueErrorKind::unsupported(format!("raw api={key} v={version}"))),
    };
    if readable { answered(ErrorCode::None) } else { Ok(Reply::of("DISCONNECTED")) }
}

fn bytes(hex: &str) -> Result<Vec<u8>, DialogueErrorKind> {
    let digit = |c: char| c.to_digit(16).map(|d| d as u8);
    let digits: Option<Vec<u8>> = hex.chars().map(digit).collect();
    let digits = digits.ok_or_else(|| DialogueErrorKind::syntax("the body is not hexadecimal"))?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect())
}

/// Metadata v1 to v3: an array of strings with 32 and 16 bits of length, -1 for none at all.
fn is_topic_list(body: &[u8]) -> bool {
    let Some((count, mut rest)) = body.split_first_chunk::<4>() else { return false };
    for _ in 0..i32::from_be_bytes(*count).max(0) {
        let Some((length, name)) = rest.split_first_chunk::<2>() else { return false };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((_, after)) = name.split_at_checked(length) else { return false };
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_to_their_end() {
        let list = |hex| is_topic_list(&bytes(hex).expect("hexadecimal"));
        assert!(list("00000000") && list("ffffffff") && list("00000001000161"));
        assert!(!list("ffff") && !list("00000001") && !list("0000000000"));
        assert!(bytes("0g").is_err());
    }
}
