//! The `DNSEndpoint` beside the object.

use crate::{
    api::ConditionType,
    logic::organization::{Action, DnsEntry, Endpoint, Read, View},
};

/// Makes it hold the records of the spec's domains, or removes it when it is wanted no more.
pub(super) fn keep(view: &View) -> Option<Action> {
    if view.desired.dns_endpoint {
        hold(view, view.dns_entries())
    } else {
        remove(view)
    }
}

/// Removes it, if there may be one.
pub(super) fn remove(view: &View) -> Option<Action> {
    let was_kept = view.condition(ConditionType::DnsEndpointReady).is_some();
    if view.desired.dns_endpoint || was_kept {
        hold(view, Vec::new())
    } else {
        None
    }
}

fn hold(view: &View, entries: Vec<DnsEntry>) -> Option<Action> {
    let holds = match &view.observed.endpoint {
        None => return Some(Action::Read(Read::Endpoint)),
        Some(Endpoint::KindNotInstalled | Endpoint::Foreign) => return None,
        Some(Endpoint::Absent) => entries.is_empty(),
        Some(Endpoint::Kept(kept)) => *kept == entries && !entries.is_empty(),
    };
    (!holds).then_some(Action::KeepEndpoint(entries))
}
