//! The caller of a request.

use super::{
    ApiError, Endpoint, Service,
    signature::{NO_MATCH, Signature, mismatch, wrong_region},
};
use crate::{
    faults::RATE_EXCEEDED,
    ids::{DEFAULT_ACCOUNT, DEFAULT_REGION, Location, REGIONS},
    seeds::{Credential, Refusal},
    state::{Caller, State},
};

/// Returns the caller who signed a request.
///
/// # Errors
/// The service is not in the region, or refuses the access key.
pub(super) fn caller(
    endpoint: &Endpoint,
    service: Service,
    signature: &Signature,
) -> Result<Caller, ApiError> {
    let region = signature.region.as_str();
    if service == Service::WorkMail && !REGIONS.contains(&region) {
        return Err(mismatch(service, wrong_region(region)));
    }
    if signature.lacks_token() {
        return Err(refused(service, Refusal::Unrecognized));
    }
    let now = endpoint.clock().now();
    let (key, token) = (&signature.access_key, signature.token.as_deref());
    let credential = endpoint.state().credential(key, token, now);
    let credential = credential.map_err(|refusal| refused(service, refusal))?;
    let location = Location {
        account: credential.account.clone(),
        region: region.to_owned(),
    };
    Ok(Caller {
        location,
        credential,
    })
}

/// Returns the caller of a request that needs no signature.
pub(super) fn anonymous(account: Option<&str>) -> Caller {
    let account = account.unwrap_or(DEFAULT_ACCOUNT);
    Caller {
        location: Location {
            account: account.to_owned(),
            region: DEFAULT_REGION.to_owned(),
        },
        credential: Credential::new("", account),
    }
}

/// Returns the error of a call above the limit on the rate, and counts the call.
pub(super) fn throttled(endpoint: &Endpoint, location: &Location) -> Option<ApiError> {
    let now = endpoint.clock().now();
    let mut state = endpoint.state();
    let State { knobs, buckets, .. } = &mut *state;
    let limit = knobs.throttle_of(&location.account)?;
    if buckets.take(location, limit, now) {
        return None;
    }
    Some(ApiError::injected(&limit.code, RATE_EXCEEDED, limit.status))
}

/// Returns the error of an access key that is refused.
fn refused(service: Service, refusal: Refusal) -> ApiError {
    const INVALID: &str = "The security token included in the request is invalid.";
    const EXPIRED: &str = "The security token included in the request is expired";
    let (code, sts_code, text) = match refusal {
        Refusal::BadSignature => return mismatch(service, NO_MATCH),
        Refusal::Unrecognized => (
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            INVALID,
        ),
        Refusal::Expired => ("ExpiredTokenException", "ExpiredToken", EXPIRED),
    };
    match service {
        Service::WorkMail => ApiError::framework(code, text),
        Service::Sts => ApiError::framework(sts_code, text).with_status(403),
    }
}
