//! Objects that are gone, and what remains of them in AWS.

use super::{Context, events, process::Finalizer, registry};
use crate::{
    api::WorkMailOrganization,
    logic::organization::{View, retained},
};

/// Reports what was created for an object that was deleted during its reconcile.
pub(super) async fn gone_meanwhile(context: &Context, view: &View) {
    if view.memory.organization_id.is_some() && view.has_unsaved_answer() {
        report_what_remains(context, view, view.desired.finalizer).await;
    }
}

/// Reports what remains in AWS of an object that was deleted without our finalizer.
pub(super) async fn gone(context: &Context, object: &WorkMailOrganization) {
    let view = context.view(object);
    let known = context.forget(&registry::key(object));
    let Some(view) = view else { return };
    let finalizer = known.map(|known| known.finalizer).unwrap_or_default();
    if finalizer == Finalizer::Released {
        return;
    }
    if view.id().is_some() || view.memory.pending_create().is_some() {
        let held = view.desired.finalizer || finalizer == Finalizer::Held;
        report_what_remains(context, &view, held).await;
    }
}

/// `held`: our finalizer was on the object, and it was not us who took it off.
async fn report_what_remains(context: &Context, view: &View, held: bool) {
    let because = if held {
        "its finalizer workmail-operator.dev/organization was removed by hand"
    } else {
        "the resource was deleted without deletionPolicy Delete in force"
    };
    events::send(context, &view.desired.object, &retained(view, because)).await;
}
