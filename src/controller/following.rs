//! What the observer of the listing learns from a reconcile.

use std::sync::Arc;

use super::Context;
use crate::{
    aws::{Observer, Wanted},
    logic::organization::{OrganizationState, Presence, Report, View},
};

/// Tells the observer what this reconcile acted on.
pub(super) fn follow(view: &View, report: &Report, context: &Context) {
    let listing = view.observed.listing.as_ref();
    let (id, mut acted_on) = match (view.id(), &report.shown.seen) {
        (Some(id), _) => (id, listing.and_then(|listing| listing.by_id.clone())),
        (None, Some(seen)) => (seen, view.candidate().cloned().map(Presence::Present)),
        (None, None) => return wait_for(view, context),
    };
    let in_transition = report
        .shown
        .state
        .as_ref()
        .is_some_and(OrganizationState::in_transition);
    if let Some(Presence::Present(row)) = &mut acted_on
        && !in_transition
    {
        // The next listing is compared with what was set or seen since this one.
        let described = view.observed.organization.seen();
        let seen = described.and_then(|seen| seen.summary.default_domain.as_ref());
        let latest = view.observed.default_domain.as_ref().or(seen);
        row.default_domain = latest.cloned().or(row.default_domain.take());
    }
    if let (Some(observer), Some(acted_on)) = (observer(view, context), acted_on) {
        observer.follow(&view.desired.object, id, acted_on, in_transition);
    }
}

/// The observer of the account and region in which the object was read. It is observed nowhere else.
fn observer(view: &View, context: &Context) -> Option<Arc<Observer>> {
    let (account, region) = (view.observed.account.as_ref()?, view.region()?);
    let observers = &context.observers;
    observers.forget(&view.desired.object, Some((account, region)));
    observers.get(account, region)
}

/// Tells the observer what a reconcile without an organization of its own has found.
fn wait_for(view: &View, context: &Context) {
    let (Some(observer), Some(_)) = (observer(view, context), &view.observed.listing) else {
        return;
    };
    let wanted = match &view.desired.organization_id {
        Some(id) => Wanted::Id(id.clone()),
        None => Wanted::Alias(view.desired.alias.as_str().into()),
    };
    let found = view.candidate().cloned();
    observer.wait_for(&view.desired.object, wanted, found);
}
