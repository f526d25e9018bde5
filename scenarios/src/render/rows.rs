//! `rows` of a service, and what belongs to them.

use super::{Text, write_duration};
use crate::model::{Claim, Publish, Service, ServiceKind};

pub(super) fn rows(out: &mut Text, service: &Service) {
    let Some(rows) = &service.rows else { return };
    out.text("rows", &rows.table);
    out.text("row_time", &write_duration(rows.time));
    let ServiceKind::Relay { poll_interval, batch, claim } = service.kind else {
        let publish = match rows.publish {
            Publish::Outbox => "outbox",
            Publish::AfterCommit => "after-commit",
            Publish::BeforeCommit => "before-commit",
        };
        return out.text("publish", publish);
    };
    out.text("poll_interval", &write_duration(poll_interval));
    out.line("batch", batch);
    let claim = match claim {
        Claim::SkipLocked => "skip-locked",
        Claim::ByKey => "by-key",
        Claim::None => "none",
    };
    out.text("claim", claim);
}
