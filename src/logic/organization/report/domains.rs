//! Whether the mail domains of the spec are ready, and the `DNSEndpoint` with their records.

use super::{sentences, verdict};
use crate::{
    api::{ConditionStatus, ConditionType, EventReason, Reason},
    logic::{
        EventKind, ObjectEvent, Verdict,
        organization::{Answer, Endpoint, MailDomain, View},
        text,
    },
};

/// The event of a change of an organization's mail domains that AWS has just made.
#[must_use]
pub fn domain_changed(view: &View, answer: &Answer) -> Option<ObjectEvent> {
    let (reason, message) = if let Answer::Registered(domain) = answer {
        let message = format!("Mail domain {domain} is registered.");
        (EventReason::DomainRegistered, message)
    } else if let Answer::Deregistered(domain) = answer {
        let message = format!("Mail domain {domain} is deregistered.");
        (EventReason::DomainDeregistered, message)
    } else if let Answer::DefaultSet(domain) = answer {
        let all = view.observed.domains.iter().flatten();
        let mut before = all.filter(|(_, seen)| seen.is_default);
        let before = before.next().map_or("unknown", |(name, _)| name);
        (
            EventReason::DefaultDomainChanged,
            format!("The default domain is {domain} now; it was {before}."),
        )
    } else {
        return None;
    };
    Some(ObjectEvent {
        kind: EventKind::Normal(reason),
        message,
    })
}

/// The conditions that speak of domains.
pub(super) fn ready(view: &View) -> Vec<Verdict> {
    let domains = domains(view).map(|(status, reason, message)| {
        verdict(view, ConditionType::DomainsReady, status, reason, &message)
    });
    domains.into_iter().chain(endpoint(view)).collect()
}

fn domains(view: &View) -> Option<(ConditionStatus, Reason, String)> {
    let wanted = &view.desired.domains;
    if wanted.is_empty() {
        return None;
    }
    if let Some((_, refusal)) = view
        .observed
        .refused_domains
        .iter()
        .find(|(name, _)| wanted.contains(*name))
    {
        let refused = view.observed.refused_domains.iter();
        let refused =
            refused.filter(|(name, of)| wanted.contains(*name) && of.reason == refusal.reason);
        let refused: Vec<&str> = refused.map(|(name, _)| name.as_str()).collect();
        return Some((
            ConditionStatus::False,
            refusal.reason,
            sentences::refused(&list(&refused)),
        ));
    }
    let domain = |name: &String| {
        let shown = view.shown.domains.get(name);
        shown.and_then(|shown| shown.domain.as_ref())
    };
    let named = |holds: &dyn Fn(&String) -> bool| -> Vec<&str> {
        let names = wanted.iter().filter(|name| holds(name));
        names.map(String::as_str).collect()
    };
    let failed = named(&|name| {
        domain(name).is_some_and(MailDomain::has_failed)
            || view.facts.overdue_domains.contains(name)
                && !domain(name).is_some_and(MailDomain::is_verified)
    });
    if !failed.is_empty() {
        return Some((
            ConditionStatus::False,
            Reason::VerificationFailed,
            cure(view, &failed),
        ));
    }
    let waiting = named(&|name| !domain(name).is_some_and(MailDomain::is_verified));
    if waiting.is_empty() {
        return Some((
            ConditionStatus::True,
            Reason::Verified,
            sentences::VERIFIED.to_owned(),
        ));
    }
    let message = if view.shown_id().is_none() {
        sentences::NO_RECORDS.to_owned()
    } else {
        sentences::waiting(&list(&waiting))
    };
    Some((ConditionStatus::False, Reason::VerificationPending, message))
}

/// How AWS is made to verify these domains again: only a registration does it. A domain that this resource
/// does not manage is deregistered by the user alone.
fn cure(view: &View, failed: &[&str]) -> String {
    if view.observes() {
        return sentences::not_verified(&list(failed), "deregister and register it in AWS");
    }
    let is_managed = |name: &&str| view.memory.managed_domains.contains(*name);
    let (managed, others): (Vec<&str>, Vec<&str>) = failed.iter().copied().partition(is_managed);
    let default = view.desired.default_domain.as_deref();
    let removal = if default.is_some_and(|default| managed.contains(&default)) {
        "remove it from spec.domains and spec.defaultDomain and add it again"
    } else {
        "remove it from spec.domains and add it again"
    };
    let cures = [
        (managed, removal),
        (
            others,
            "deregister it in AWS; the operator registers it again",
        ),
    ];
    let cures = cures.iter().filter(|(names, _)| !names.is_empty());
    let cures: Vec<String> = cures
        .map(|(names, cure)| sentences::not_verified(&list(names), cure))
        .collect();
    cures.join(" ")
}

fn list(names: &[&str]) -> String {
    text::first(names, 2)
}

fn endpoint(view: &View) -> Option<Verdict> {
    let kind = ConditionType::DnsEndpointReady;
    if !view.desired.dns_endpoint {
        // That there is one to remove is remembered here until it is removed.
        return match &view.observed.endpoint {
            None | Some(Endpoint::Kept(_)) => Verdict::of(&view.previous, kind).cloned(),
            Some(Endpoint::Absent | Endpoint::Foreign | Endpoint::KindNotInstalled) => None,
        };
    }
    let name = &view.desired.object;
    let (status, reason, message) = match &view.observed.endpoint {
        None => return Verdict::of(&view.previous, kind).cloned(),
        Some(seen @ (Endpoint::Kept(_) | Endpoint::Absent))
            if view.observes() && !view.is_published(seen) =>
        {
            (
                ConditionStatus::False,
                Reason::DriftFound,
                format!(
                    "Set managementPolicy to Full: under Observe nothing writes the records of \
                     status.domains into DNSEndpoint {name}, which does not hold them."
                ),
            )
        }
        Some(Endpoint::Kept(_)) => (
            ConditionStatus::True,
            Reason::Published,
            format!("DNSEndpoint {name} has the records of status.domains."),
        ),
        Some(Endpoint::Absent) => (
            ConditionStatus::False,
            Reason::VerificationPending,
            "There is no DNSEndpoint, because no domain of the spec has records yet.".to_owned(),
        ),
        Some(Endpoint::KindNotInstalled) => (
            ConditionStatus::False,
            Reason::KindNotInstalled,
            "Install the CustomResourceDefinition DNSEndpoint (externaldns.k8s.io/v1alpha1), or set \
             spec.dns.endpoint to false and publish the records yourself."
                .to_owned(),
        ),
        Some(Endpoint::Foreign) => (
            ConditionStatus::False,
            Reason::NameTaken,
            format!(
                "Remove or rename DNSEndpoint {name}, which is not this operator's, or set \
                 spec.dns.endpoint to false."
            ),
        ),
    };
    Some(verdict(view, kind, status, reason, &message))
}
