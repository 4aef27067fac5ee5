//! The status of a `WorkMailOrganization`, read and written: [`Recorded::read`] and [`Report::to_status`]
//! are inverse.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;

use super::{
    AccountId, Difference, DomainDetails, MailDomain, Memory, OrganizationId, OrganizationState,
    Region, Report, Shown, ShownDomain, Verdict, Verification,
};
use crate::{
    api::{
        AcceptedDeletion, Condition, ConditionStatus, ConditionType, DomainStatus, Drift,
        ExportGate, WorkMailOrganizationStatus,
    },
    logic::gate::Sweep,
};

/// What a status says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// What is remembered.
    pub memory: Memory,
    /// What is shown of the organization.
    pub shown: Shown,
    /// The conditions.
    pub verdicts: Vec<Verdict>,
    /// The generation that the status speaks of; `None` before the first reconcile.
    pub observed_generation: Option<i64>,
    /// The request for a full read that was last handled.
    pub handled: Option<String>,
}

impl Recorded {
    /// Returns the condition of that type.
    #[must_use]
    pub fn condition(&self, kind: ConditionType) -> Option<&Verdict> {
        Verdict::of(&self.verdicts, kind)
    }

    /// Whether the condition of that type is True.
    #[must_use]
    pub fn is(&self, kind: ConditionType) -> bool {
        self.condition(kind)
            .is_some_and(|verdict| verdict.status == ConditionStatus::True)
    }

    /// Reads a status.
    #[must_use]
    pub fn read(status: &WorkMailOrganizationStatus) -> Self {
        let WorkMailOrganizationStatus {
            observed_generation,
            organization_id,
            origin,
            created_at,
            arn,
            account_id,
            account: account_name,
            region,
            state,
            error_message,
            directory_id,
            directory_type,
            default_domain,
            completed_date,
            migration_admin,
            interoperability_enabled,
            pending,
            deletion,
            export_gate,
            managed_tag_keys,
            owner,
            domains,
            drift,
            planned_calls,
            omitted,
            last_handled_reconcile_at,
            conditions,
        } = status;
        let id = organization_id.as_deref().map(OrganizationId::from);
        let (ours, seen) = if origin.is_some() {
            (id, None)
        } else {
            (None, id)
        };
        let memory = Memory {
            origin: origin.filter(|_| ours.is_some()),
            organization_id: ours,
            created_at: *created_at,
            account: account_id.as_deref().map(AccountId::from),
            account_name: account_name.clone(),
            region: region.as_deref().map(Region::from),
            pending: pending.clone(),
            deletion_accepted: deletion.map(|deletion| deletion.accepted_at),
            owner: owner.clone(),
            managed_tag_keys: managed_tag_keys.iter().cloned().collect(),
            managed_domains: domains
                .iter()
                .filter(|domain| domain.managed)
                .map(|domain| domain.domain_name.clone())
                .collect(),
            gated: export_gate.required,
            sweep: sweep(export_gate),
        };
        let shown = Shown {
            seen,
            state: state.as_deref().map(OrganizationState::from),
            error_message: error_message.clone(),
            arn: arn.clone(),
            directory_id: directory_id.clone(),
            directory_type: directory_type.clone(),
            default_domain: default_domain.clone(),
            completed_date: *completed_date,
            migration_admin: migration_admin.clone(),
            interoperability_enabled: *interoperability_enabled,
            domains: domains
                .iter()
                .map(|domain| (domain.domain_name.clone(), shown_domain(domain)))
                .collect(),
            drift: drift.iter().map(Difference::from).collect(),
            planned_calls: planned_calls.clone(),
            omitted: *omitted,
        };
        Self {
            memory,
            shown,
            verdicts: conditions.iter().filter_map(verdict).collect(),
            observed_generation: observed_generation.filter(|seen| *seen >= 0),
            handled: last_handled_reconcile_at.clone(),
        }
    }
}

fn verdict(condition: &Condition) -> Option<Verdict> {
    let kind = ConditionType::ALL
        .into_iter()
        .find(|kind| kind.as_str() == condition.r#type)?;
    Some(Verdict {
        kind,
        status: condition.status,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        generation: condition.observed_generation,
    })
}

fn shown_domain(status: &DomainStatus) -> ShownDomain {
    let DomainStatus {
        domain_name: _,
        managed,
        is_default,
        is_test_domain,
        ownership,
        dkim,
        pending_since,
        records,
        records_omitted,
    } = status;
    let details = ownership.as_deref().map(|ownership| DomainDetails {
        ownership: Verification::from(ownership),
        dkim: Verification::from(dkim.as_deref().unwrap_or_default()),
        records: records.clone(),
    });
    // One that is about to be registered is recorded before AWS has said anything of it.
    let is_seen = details.is_some() || !managed;
    ShownDomain {
        domain: is_seen.then_some(MailDomain {
            is_default: *is_default,
            is_test_domain: *is_test_domain,
            details,
        }),
        pending_since: *pending_since,
        records_omitted: *records_omitted,
    }
}

impl Report {
    /// Writes the status of this report over the one before, which has the times of the conditions.
    #[must_use]
    pub fn to_status(
        &self,
        before: &WorkMailOrganizationStatus,
        now: Timestamp,
    ) -> WorkMailOrganizationStatus {
        let Report {
            observed_generation,
            memory,
            shown,
            handled,
            verdicts,
            notes: _,
        } = self.clone();
        let Memory {
            organization_id,
            origin,
            created_at,
            account,
            account_name,
            region,
            pending,
            deletion_accepted,
            owner,
            managed_tag_keys,
            managed_domains,
            gated,
            sweep,
        } = memory;
        let Shown {
            seen,
            state,
            error_message,
            arn,
            directory_id,
            directory_type,
            default_domain,
            completed_date,
            migration_admin,
            interoperability_enabled,
            domains,
            drift,
            planned_calls,
            omitted,
        } = shown;
        WorkMailOrganizationStatus {
            observed_generation: observed_generation.or(before.observed_generation),
            organization_id: organization_id.or(seen).map(|id| id.to_string()),
            origin,
            created_at,
            arn,
            account_id: account.map(|account| account.to_string()),
            account: account_name,
            region: region.map(|region| region.to_string()),
            state: state.map(|state| state.as_str().to_owned()),
            error_message,
            directory_id,
            directory_type,
            default_domain,
            completed_date,
            migration_admin,
            interoperability_enabled,
            pending,
            deletion: deletion_accepted.map(|accepted_at| AcceptedDeletion { accepted_at }),
            export_gate: export_gate(gated, sweep),
            managed_tag_keys: managed_tag_keys.into_iter().collect(),
            owner,
            domains: domains
                .into_iter()
                .map(|(name, shown)| domain(name, shown, &managed_domains))
                .collect(),
            drift: drift.into_iter().map(Drift::from).collect(),
            planned_calls,
            omitted,
            last_handled_reconcile_at: handled,
            conditions: verdicts
                .into_iter()
                .map(|verdict| condition(verdict, before, now))
                .collect(),
        }
    }
}

fn sweep(status: &ExportGate) -> Option<Sweep> {
    let ExportGate {
        required: _,
        checked_since,
        checked,
        digest,
    } = status;
    Some(Sweep {
        since: (*checked_since)?,
        count: *checked,
        digest: digest.clone()?,
    })
}

fn export_gate(required: bool, sweep: Option<Sweep>) -> ExportGate {
    let gate = ExportGate {
        required,
        ..ExportGate::default()
    };
    match sweep {
        None => gate,
        Some(Sweep {
            since,
            count,
            digest,
        }) => ExportGate {
            checked_since: Some(since),
            checked: count,
            digest: Some(digest),
            ..gate
        },
    }
}

fn domain(name: String, shown: ShownDomain, managed: &BTreeSet<String>) -> DomainStatus {
    let ShownDomain {
        domain,
        pending_since,
        records_omitted,
    } = shown;
    let MailDomain {
        is_default,
        is_test_domain,
        details,
    } = domain.unwrap_or_default();
    let (ownership, dkim, records) = details.map_or_else(Default::default, |details| {
        let words = [details.ownership, details.dkim].map(|word| word.as_str().to_owned());
        let [ownership, dkim] = words.map(Some);
        (ownership, dkim, details.records)
    });
    DomainStatus {
        managed: managed.contains(&name),
        domain_name: name,
        is_default,
        is_test_domain,
        ownership,
        dkim,
        pending_since,
        records,
        records_omitted,
    }
}

/// A condition keeps its time as long as its status stays.
fn condition(verdict: Verdict, before: &WorkMailOrganizationStatus, now: Timestamp) -> Condition {
    let since = before
        .condition(verdict.kind)
        .filter(|old| old.status == verdict.status)
        .map_or_else(
            // Whole seconds, as Kubernetes has them; cut off, so that no time lies ahead.
            || Timestamp::from_second(now.as_second()).unwrap_or(now),
            |old| old.last_transition_time,
        );
    Condition {
        r#type: verdict.kind.as_str().to_owned(),
        status: verdict.status,
        observed_generation: verdict.generation,
        last_transition_time: since,
        reason: verdict.reason,
        message: verdict.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: ConditionStatus, message: &str) -> Verdict {
        Verdict {
            kind: ConditionType::Ready,
            status,
            reason: "Active".into(),
            message: message.into(),
            generation: 1,
        }
    }

    #[test]
    fn the_transition_time_moves_with_the_status_and_with_nothing_else() {
        let (first, second) = (
            Timestamp::from_second(100).unwrap(),
            Timestamp::from_second(200).unwrap(),
        );
        let mut status = WorkMailOrganizationStatus::default();
        let before = condition(verdict(ConditionStatus::True, "one"), &status, first);
        status.conditions.push(before);
        let other_message = condition(verdict(ConditionStatus::True, "two"), &status, second);
        assert_eq!(other_message.last_transition_time, first);
        let other_status = condition(verdict(ConditionStatus::False, "two"), &status, second);
        assert_eq!(other_status.last_transition_time, second);
    }
}
