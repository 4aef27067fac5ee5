//! GetMailDomain, ListMailDomains.

use serde::Deserialize;
use serde_json::json;

use super::{DomainInput, records::records};
use crate::{
    operations::{
        ApiError, Completed, Request, active_organization,
        paging::{Page, PageInput},
        parse, rights,
    },
    state::State,
};

pub(in crate::operations) fn get(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    let input: DomainInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let domain = organization
        .domains
        .get(&input.domain_name)
        .ok_or_else(|| ApiError::mail_domain_not_found(&input.domain_name))?;
    rights::require(request.caller, [(true, rights::READ_DOMAIN)])?;
    let records = if domain.is_test {
        Vec::new()
    } else {
        records(&domain.name, &organization.location)
    };
    let output = json!({
        "Records": records,
        "IsTestDomain": domain.is_test,
        "IsDefault": organization.domains.is_default(domain),
        "OwnershipVerificationStatus": domain.ownership,
        "DkimVerificationStatus": domain.dkim,
    });
    Ok(Completed::read(output, Some(organization.id)))
}

#[derive(Deserialize)]
struct ListInput {
    #[serde(rename = "OrganizationId")]
    organization_id: String,
    #[serde(flatten)]
    page: PageInput,
}

pub(in crate::operations) fn list(
    state: &State,
    request: &Request<'_>,
) -> Result<Completed, ApiError> {
    let input: ListInput = parse(&request.input)?;
    let organization = active_organization(state, request, &input.organization_id)?;
    let domains = &organization.domains;
    let page = Page::of(state, format!("domains of {}", organization.id), input.page)?;
    let after = page.after;
    let listed = domains
        .in_order()
        .into_iter()
        .filter(|domain| domain.serial > after)
        .map(|domain| {
            let is_default = domains.is_default(domain);
            let item = json!({"DomainName": domain.name, "DefaultDomain": is_default});
            (domain.serial, item)
        });
    let output = page.output("MailDomains", listed);
    Ok(Completed::read(output, Some(organization.id)))
}
