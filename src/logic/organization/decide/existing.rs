//! An organization that is ours, and which stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    adopt::mark,
    call, endpoint, fail, immutable_differs,
    owner::{OwnershipVerdict, competing_object, conflict, tags_not_shown, whose},
    rest,
    states::{missing, needs_details, unless_active},
};
use crate::{
    api::{Origin, Reason},
    logic::{
        Failure, OrganizationId,
        organization::{
            Action, Call, DomainPlan, Outcome, Presence, Read, Reading, Summary, TagPlan, TagStep,
            Tags, View,
        },
    },
};

/// As many domains are read in one step.
const DOMAINS_A_STEP: usize = 8;

/// Decides for an object that has an organization. The listing was seen.
pub(super) fn decide(view: &View, id: &OrganizationId) -> Action {
    let listed = match view
        .observed
        .listing
        .as_ref()
        .and_then(|all| all.by_id.as_ref())
    {
        // A listing without a verdict on this id was made before the id was known.
        None => return Action::Read(Read::Listing { fresh: false }),
        Some(Presence::Absent { confirmed }) => return missing(view, id, *confirmed),
        Some(Presence::Present(summary)) => summary,
    };
    let described = match &view.observed.organization {
        Reading::Seen(organization) => Some(organization),
        // Listed, but not described: AWS contradicts itself, so nothing is concluded.
        Reading::Absent => return rest(Outcome::Unconfirmed),
        Reading::NotRead if needs_details(view, listed) => {
            return Action::Read(Read::Organization(id.clone()));
        }
        Reading::NotRead => None,
    };
    let summary = described.map_or(listed, |organization| &organization.summary);
    if let Some(action) = unless_active(view, summary) {
        return action;
    }
    if let Some(failure) = immutable_differs(view, summary, described) {
        return fail(failure);
    }
    if view.needs_full_read() || default_has_changed(view, summary) {
        whole(view, id)
    } else if view.facts.domains_due {
        pending_domains(view, id)
    } else {
        rest(Outcome::Active)
    }
}

/// Somebody else has changed the default domain, which the list shows, while the spec says what it is.
fn default_has_changed(view: &View, summary: &Summary) -> bool {
    view.desired.default_domain.is_some() && summary.default_domain != view.shown.default_domain
}

/// Reads everything, and corrects what differs.
fn whole(view: &View, id: &OrganizationId) -> Action {
    if let Some(action) = unless_owned(view, id) {
        return action;
    }
    let actual = match &view.observed.tags {
        Some(Tags::Shown(actual)) => actual,
        Some(Tags::Hidden) => return fail(tags_not_shown()),
        None => return Action::Read(Read::Tags(id.clone())),
    };
    correct_tags(view, id, actual)
        .or_else(|| list_domains_if_needed(view, id))
        .or_else(|| correct_domains(view, id))
        .unwrap_or_else(|| keep_endpoint(view))
}

/// Reads again the domains whose verification is waited for. Nothing is changed before a look at the
/// owner.
fn pending_domains(view: &View, id: &OrganizationId) -> Action {
    let pending = view.shown.pending_domains();
    let unread = &pending - &view.observed.read_domains;
    if !unread.is_empty() {
        return read_details(id, &unread);
    }
    if correct_domains(view, id).is_none() {
        return keep_endpoint(view);
    }
    whole(view, id)
}

/// What to do instead if the organization is not ours to change, or not known to be.
fn unless_owned(view: &View, id: &OrganizationId) -> Option<Action> {
    Some(match whose(view, id) {
        Err(look) => Action::Read(look),
        Ok(OwnershipVerdict::Ours | OwnershipVerdict::Unowned | OwnershipVerdict::OwnerGone)
            if view.facts.unproven_claim =>
        {
            rest(Outcome::Claiming)
        }
        Ok(OwnershipVerdict::Ours) => return None,
        Ok(OwnershipVerdict::Unowned | OwnershipVerdict::OwnerGone) => {
            return view
                .competitor
                .as_ref()
                .map(|competitor| fail(competing_object(competitor)));
        }
        Ok(OwnershipVerdict::Hidden) => fail(tags_not_shown()),
        Ok(OwnershipVerdict::TakeOverAllowed(owner)) if !view.facts.new_consent => {
            fail(conflict(view, id, &owner))
        }
        Ok(OwnershipVerdict::TakeOverAllowed(_)) => match &view.competitor {
            Some(competitor) => fail(competing_object(competitor)),
            None => mark(view, id),
        },
        Ok(OwnershipVerdict::OwnedByOther(owner)) => fail(conflict(view, id, &owner)),
    })
}

/// One write after the other: the ownership tags, the tags that are removed, the record of what is
/// managed, the user's tags. Removed before others are set: neither AWS's limit of 50 tags nor the record
/// has room for both. A step that AWS has refused in this reconcile is left out.
fn correct_tags(
    view: &View,
    id: &OrganizationId,
    actual: &BTreeMap<String, String>,
) -> Option<Action> {
    let plan = TagPlan::new(
        &view.wanted_tags(),
        actual,
        &view.memory.managed_tag_keys,
        &view.cluster,
        &view.desired.object,
    );
    let is_open = |step| !view.observed.refused_tags.contains_key(&step);
    let tag = |tags| {
        let id = id.clone();
        Some(call(view, Call::Tag { id, tags }))
    };
    if !plan.marks.is_empty() && is_open(TagStep::Mark) {
        return tag(plan.marks);
    }
    if !plan.remove.is_empty() {
        let (id, keys) = (id.clone(), plan.remove);
        return is_open(TagStep::Remove).then(|| call(view, Call::Untag { id, keys }));
    }
    if plan.managed != view.memory.managed_tag_keys {
        return Some(Action::Manage(plan.managed));
    }
    if !plan.set.is_empty() && is_open(TagStep::Set) {
        return tag(plan.set);
    }
    None
}

/// Reads the domains where the spec speaks of them, and where they are news: the list of those of an
/// adopted organization, so that they can be written into the spec.
fn list_domains_if_needed(view: &View, id: &OrganizationId) -> Option<Action> {
    let are_ours = !view.desired.domains.is_empty()
        || !view.memory.managed_domains.is_empty()
        || view.desired.default_domain.is_some();
    let are_news = view.requested()
        || !view.was_ready()
            && (view.memory.origin == Some(Origin::Adopted) || !view.shown.domains.is_empty());
    (view.observed.domains.is_none() && (are_ours || are_news)).then(|| list_domains(id))
}

/// Lists the domains. What the list lacks is read in steps of its own, and what has to be registered goes
/// before that.
pub(super) fn list_domains(id: &OrganizationId) -> Action {
    Action::Read(Read::Domains {
        id: id.clone(),
        list: true,
        details: BTreeSet::new(),
    })
}

/// Reads the first of these domains: a step is short, and what it has read is kept when a later one
/// fails.
pub(super) fn read_details(id: &OrganizationId, unread: &BTreeSet<String>) -> Action {
    Action::Read(Read::Domains {
        id: id.clone(),
        list: false,
        details: unread.iter().take(DOMAINS_A_STEP).cloned().collect(),
    })
}

/// Reads who has addresses in the default domain before it makes way: it does so only if AWS may then
/// deregister it.
pub(super) fn read_addresses(
    view: &View,
    id: &OrganizationId,
    plan: &DomainPlan,
) -> Option<Action> {
    let makes_way = plan.makes_way.as_ref();
    let domain = makes_way.filter(|name| !view.observed.unused_domains.contains(*name))?;
    Some(Action::Read(Read::Addresses {
        id: id.clone(),
        domain: domain.clone(),
    }))
}

/// One write after the other: the record of what is managed, the domains that are registered, the
/// default, the domains that leave.
fn correct_domains(view: &View, id: &OrganizationId) -> Option<Action> {
    let actual = view.observed.domains.as_ref()?;
    let plan = DomainPlan::new(&view.desired, view.domain_facts(actual));
    if plan.managed != view.memory.managed_domains {
        return Some(Action::ManageDomains(plan.managed));
    }
    let id = id.clone();
    if let Some(domain) = plan.register.first().cloned() {
        return Some(call(view, Call::Register { id, domain }));
    }
    if !plan.unread.is_empty() {
        return Some(read_details(&id, &plan.unread));
    }
    if let Some(read) = read_addresses(view, &id, &plan) {
        return Some(read);
    }
    if let Some(domain) = plan.default {
        return Some(call(view, Call::SetDefault { id, domain }));
    }
    // The default was not moved, for a reason that is told: the domain stays for now.
    let is_default = |name: &String| actual.get(name).is_some_and(|seen| seen.is_default);
    let domain = plan.deregister.into_iter().find(|name| !is_default(name))?;
    Some(call(view, Call::Deregister { id, domain }))
}

/// The records of the domains are handed to external-dns; what AWS refused of tags and of single domains
/// is told once the rest is done.
fn keep_endpoint(view: &View) -> Action {
    if let Some(action) = endpoint::keep(view) {
        return action;
    }
    let observed = &view.observed;
    let of_tags = observed.refused_tags.values();
    if let Some(refusal) = of_tags.chain(observed.refused_domains.values()).next() {
        return fail(refusal.clone());
    }
    match unseen(view) {
        Some(domain) => fail(Failure::of_read(
            Reason::OrganizationBusy,
            "Nothing needs to be done unless this lasts: the operator retries automatically.",
            format!("AWS does not show {domain}, which it has just registered."),
        )),
        None => rest(Outcome::Active),
    }
}

/// A domain that was registered in this reconcile, and was not there when it was read.
fn unseen(view: &View) -> Option<&String> {
    let actual = view.observed.domains.as_ref()?;
    let mut registered = view.observed.registered.iter();
    registered.find(|name| !actual.contains_key(*name))
}
