//! Whose request it is, and whether the service is there for the caller now.

use super::{
    Answer, ApiError, Closed, Endpoint, Service,
    signature::{NO_MATCH, Signature, mismatch, wrong_region},
};
use crate::{
    ids::Place,
    knobs::{CodedError, EndAnswer},
    seeds::Refusal,
    state::{Caller, World},
};

/// Who signed a request, if the service accepts the key and has the region.
pub(super) fn caller(
    endpoint: &Endpoint,
    service: Service,
    signature: &Signature,
) -> Result<Caller, ApiError> {
    let Signature {
        access_key, region, ..
    } = signature;
    let world = endpoint.world();
    let regions = &world.knobs.regions;
    let served = regions.is_empty() || regions.contains(region) || service == Service::Sts;
    if !served {
        return Err(mismatch(service, wrong_region(region)));
    }
    if signature.lacks_token() {
        return Err(refused(service, Refusal::Unrecognized));
    }
    let credential = world
        .callers
        .credential(access_key, &world.knobs)
        .map_err(|refusal| refused(service, refusal))?;
    let place = Place {
        account: credential.account.clone(),
        region: region.clone(),
    };
    Ok(Caller { place, credential })
}

/// The answer of a service that has ended, or that this place calls too often.
pub(super) fn turned_away(endpoint: &Endpoint, place: &Place) -> Option<Result<Answer, Closed>> {
    let now = endpoint.clock().now();
    let mut world = endpoint.world();
    let World { knobs, callers, .. } = &mut *world;
    if knobs.service_ends.is_some_and(|end| now >= end) {
        return Some(match &knobs.end_answer {
            EndAnswer::NoAnswer => Err(Closed),
            EndAnswer::Error(error) => Ok(Answer::Error(ApiError::coded(error))),
        });
    }
    let throttle = knobs.throttle.as_ref()?;
    if callers.admit(place, throttle, now) {
        return None;
    }
    Some(Ok(Answer::Error(ApiError::coded(&CodedError {
        code: throttle.code.clone(),
        message: "Rate exceeded".to_owned(),
        status: throttle.status,
    }))))
}

/// The error of a key that is refused.
fn refused(service: Service, refusal: Refusal) -> ApiError {
    const INVALID: &str = "The security token included in the request is invalid.";
    const EXPIRED: &str = "The security token included in the request is expired";
    let forbidden = |code, text| ApiError {
        status: 403,
        ..ApiError::common(code, text)
    };
    match (service, refusal) {
        (_, Refusal::BadSignature) => mismatch(service, NO_MATCH),
        (Service::WorkMail, Refusal::Unrecognized) => {
            ApiError::common("UnrecognizedClientException", INVALID)
        }
        (Service::WorkMail, Refusal::Expired) => ApiError::common("ExpiredTokenException", EXPIRED),
        (Service::Sts, Refusal::Unrecognized) => forbidden("InvalidClientTokenId", INVALID),
        (Service::Sts, Refusal::Expired) => forbidden("ExpiredToken", EXPIRED),
    }
}
