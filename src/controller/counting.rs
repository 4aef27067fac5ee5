//! How an object is counted in the metrics.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::Context;
use crate::{
    api::{ConditionStatus, ConditionType, Reason},
    logic::organization::{OrganizationState, Report, View},
    metrics::Standing,
};

/// Counts the object as the report says.
pub(super) fn count(view: &View, report: &Report, context: &Context) {
    let drift = i64::try_from(report.shown.drift.len()).unwrap_or(i64::MAX);
    let ready = report.ready();
    let standing = Standing {
        state: report
            .shown
            .state
            .as_ref()
            .map_or("none", OrganizationState::label)
            .to_owned(),
        ready: match ready.map(|verdict| verdict.status) {
            Some(ConditionStatus::True) => "True",
            Some(ConditionStatus::False) => "False",
            Some(ConditionStatus::Unknown) | None => "Unknown",
        },
    };
    context.process.change(&view.desired.object, |known| {
        context
            .metrics
            .moved(known.standing.as_ref(), Some(&standing));
        known.standing = Some(standing);
        context.metrics.drifted(drift - known.drift);
        known.drift = drift;
    });
    let was_on_its_way = view.previous.iter().any(|before| {
        before.kind == ConditionType::Ready
            && [Reason::Progressing, Reason::Requested, Reason::Creating]
                .iter()
                .any(|reason| reason.as_str() == before.reason)
    });
    if was_on_its_way && ready.is_some_and(|verdict| verdict.status == ConditionStatus::True) {
        let age = Timestamp::now().duration_since(view.desired.created_at);
        context
            .metrics
            .became_ready(Duration::try_from(age).unwrap_or_default());
    }
}
