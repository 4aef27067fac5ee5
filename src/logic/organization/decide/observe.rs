//! managementPolicy Observe: read, report, change nothing.

use super::{
    adopt::not_found,
    create::has_fresh_listing,
    existing::{list_domains, read_addresses, read_details},
    fail,
    owner::{OwnershipVerdict, conflict, whose},
    planned, rest,
    states::{missing, needs_details, unless_active},
};
use crate::{
    api::Reason,
    logic::{
        Failure, OrganizationId,
        organization::{
            Action, DomainPlan, DriftPath, Outcome, Presence, Read, Reading, Summary, View,
        },
        text,
    },
};

/// As many differences are named in a message; the status has all.
const NAMED: usize = 2;

/// Decides for an object under Observe. The listing was seen. Ready follows the state alone.
pub(super) fn decide(view: &View) -> Action {
    let Some(listed) = target(view) else {
        return without_target(view);
    };
    let id = &listed.id;
    let is_new = view.shown_id() != Some(id) || view.shown.differs_from(listed);
    let is_whole = is_new || view.needs_full_read();
    let summary = match &view.observed.organization {
        Reading::Seen(organization) => &organization.summary,
        Reading::Absent => return rest(Outcome::Unconfirmed),
        // One that is not ours has to be known whole before it is said what would be done about it.
        Reading::NotRead if is_whole && (view.id().is_none() || needs_details(view, listed)) => {
            return Action::Read(Read::Organization(id.clone()));
        }
        Reading::NotRead => listed,
    };
    if let Some(action) = unless_active(view, summary) {
        return action;
    }
    if !is_whole {
        return rest(Outcome::Unchanged);
    }
    let whose = match whose(view, id) {
        Err(look) => return Action::Read(look),
        Ok(whose) => whose,
    };
    let Some(domains) = &view.observed.domains else {
        return list_domains(id);
    };
    let plan = DomainPlan::new(&view.desired, view.domain_facts(domains));
    if !plan.unread.is_empty() {
        return read_details(id, &plan.unread);
    }
    if let Some(read) = read_addresses(view, id, &plan) {
        return read;
    }
    if view.desired.dns_endpoint && view.observed.endpoint.is_none() {
        return Action::Read(Read::Endpoint);
    }
    rest(Outcome::Observed(differs(view, id, &whose)))
}

/// The organization that is looked at.
fn target(view: &View) -> Option<&Summary> {
    if view.id().is_none() {
        return view.candidate();
    }
    match view.observed.listing.as_ref()?.by_id.as_ref()? {
        Presence::Present(row) => Some(row),
        Presence::Absent { .. } => None,
    }
}

/// What to say, or to look at first, without one.
fn without_target(view: &View) -> Action {
    let Some(id) = view.id() else {
        return if has_fresh_listing(view) {
            fail(not_found(view))
        } else {
            Action::Read(Read::Listing { fresh: true })
        };
    };
    let listing = view.observed.listing.as_ref();
    match listing.and_then(|listing| listing.by_id.as_ref()) {
        Some(Presence::Absent { confirmed }) => missing(view, id, *confirmed),
        Some(Presence::Present(_)) | None => Action::Read(Read::Listing { fresh: false }),
    }
}

/// How AWS differs from what the spec says, and who owns the organization.
fn differs(view: &View, id: &OrganizationId, whose: &OwnershipVerdict) -> Option<Failure> {
    if let OwnershipVerdict::OwnedByOther(owner) = whose {
        return Some(conflict(view, id, owner));
    }
    let plan = planned(view);
    if let Some(failure) = plan.ends_with {
        return Some(failure);
    }
    let drift = view.drift();
    if drift.is_empty() && plan.calls.is_empty() {
        return None;
    }
    let paths: Vec<String> = drift
        .iter()
        .filter(|one| one.path != DriftPath::Owner)
        .map(|one| one.path.to_string())
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let what = if paths.is_empty() {
        "its ownership tags".to_owned()
    } else {
        text::first(&paths, NAMED)
    };
    let owner = match whose {
        OwnershipVerdict::Ours => "this resource owns it".to_owned(),
        OwnershipVerdict::TakeOverAllowed(owner) | OwnershipVerdict::OwnedByOther(owner) => {
            let owner = owner.described(&view.cluster);
            owner.map_or_else(
                || "its ownership tags are incomplete".to_owned(),
                |owner| format!("{owner} owns it"),
            )
        }
        OwnershipVerdict::Unowned => "nobody owns it yet".to_owned(),
        OwnershipVerdict::OwnerGone => "its owner is gone".to_owned(),
        OwnershipVerdict::Hidden => "AWS does not show its owner".to_owned(),
    };
    Some(Failure::of(
        Reason::DriftFound,
        "",
        format!(
            "AWS differs from the spec in {what} (status.drift), and {owner}; managementPolicy Full makes \
             the calls of status.plannedCalls."
        ),
    ))
}
