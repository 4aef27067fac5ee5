//! What Full would do: its own decisions, followed without doing anything.

use std::collections::{BTreeMap, BTreeSet};

use super::manage;
use crate::{
    api::{ManagementPolicy, Origin},
    logic::{
        Failure, OrganizationId,
        organization::{
            Action, Answer, Call, DomainDetails, DomainReading, MailDomain, OrganizationState,
            Outcome, Presence, Read, Tags, Verification, View,
        },
    },
};

/// More steps than any way through `decide` has.
const MOST_STEPS: usize = 1000;

/// The calls that Full would make, in their order, if AWS took each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The calls.
    pub calls: Vec<Call>,
    /// What would keep it from being as the spec says.
    pub ends_with: Option<Failure>,
}

/// Follows the decisions of Full from this view, answering each call with success.
#[must_use]
pub fn planned(view: &View) -> Plan {
    let mut plan = Plan::default();
    let mut view = view.clone();
    view.desired.management = ManagementPolicy::Full;
    view.observed.current = true;
    view.facts.unproven_claim = false;
    for _ in 0..MOST_STEPS {
        let action = manage(&view);
        match &action {
            Action::Call(call) => {
                plan.calls.push(call.clone());
                // What comes after a create follows from what it makes.
                let Some(answer) = call.success() else {
                    return plan;
                };
                apply_answer(&mut view, &action, answer);
            }
            Action::Claim(id, origin) => pretend_to_claim(&mut view, id, *origin),
            Action::Finish(Outcome::Claiming) => view.facts.unproven_claim = false,
            Action::Finish(Outcome::Failed(failure)) => {
                plan.ends_with = Some(failure.clone());
                return plan;
            }
            Action::Read(Read::Object) => apply_answer(&mut view, &action, Answer::Current),
            // AWS shows the tags of Active organizations only.
            Action::Read(Read::Tags(_))
                if view
                    .summary()
                    .is_some_and(|seen| seen.state != OrganizationState::Active) =>
            {
                apply_answer(&mut view, &action, Answer::Tags(Tags::Hidden));
            }
            Action::Read(Read::Domains {
                details,
                list: false,
                ..
            }) => apply_answer(&mut view, &action, just_registered(details)),
            Action::Save(_) => apply_answer(&mut view, &action, Answer::Saved),
            Action::Intend(_)
            | Action::Freeze
            | Action::Manage(_)
            | Action::ManageDomains(_)
            | Action::Forget => {
                let now = view.desired.created_at;
                view.record(&action, now);
                // Nothing is saved on the way.
                view.saved = view.memory.clone();
            }
            // It rests, or looks at what is not made up here.
            Action::Finish(_)
            | Action::Read(_)
            | Action::AddFinalizer
            | Action::RemoveFinalizer(_)
            | Action::WriteClosing(_)
            | Action::KeepEndpoint(_) => return plan,
        }
    }
    plan
}

fn apply_answer(view: &mut View, action: &Action, answer: Answer) {
    let now = view.desired.created_at;
    view.apply_answer(action, answer, now);
}

/// What was seen by its alias is seen by its id from now on.
fn pretend_to_claim(view: &mut View, id: &OrganizationId, origin: Origin) {
    let listing = view.observed.listing.clone();
    let now = view.desired.created_at;
    view.record(&Action::Claim(id.clone(), origin), now);
    view.observed.listing = listing.map(|mut listing| {
        if !matches!(&listing.by_id, Some(Presence::Present(row)) if row.id == *id) {
            listing.by_id = Some(listing.by_alias.clone());
        }
        listing
    });
    view.saved = view.memory.clone();
}

fn just_registered(names: &BTreeSet<String>) -> Answer {
    let pending = || DomainDetails {
        ownership: Verification::Pending,
        dkim: Verification::Pending,
        records: Vec::new(),
    };
    let domains: BTreeMap<_, _> = names
        .iter()
        .map(|name| {
            let domain = MailDomain {
                details: Some(pending()),
                ..MailDomain::default()
            };
            (name.clone(), Some(domain))
        })
        .collect();
    Answer::Domains(DomainReading {
        domains,
        complete: false,
    })
}
