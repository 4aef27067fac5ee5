//! The `Authorization` header of Signature Version 4. Its form and its scope are checked, the
//! signature itself is not: there is no secret to check it with.

use axum::http::{HeaderMap, header::AUTHORIZATION};

use super::{ApiError, Service, text_of};

/// What a signature says about the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) access_key: String,
    pub(super) region: String,
    /// Whether the request has a session token.
    pub(super) has_token: bool,
}

impl Signature {
    /// Whether the key is a temporary one, of which AWS accepts no call without a session token.
    pub(super) fn lacks_token(&self) -> bool {
        self.access_key.starts_with("ASIA") && !self.has_token
    }
}

/// Reads the signature of a request to a service.
pub(super) fn read(headers: &HeaderMap, service: Service) -> Result<Signature, ApiError> {
    let Some(header) = text_of(headers, AUTHORIZATION.as_str()) else {
        return Err(missing(service));
    };
    let date = text_of(headers, "x-amz-date").or_else(|| text_of(headers, "date"));
    let (algorithm, parameters) = header.split_once(' ').unwrap_or((header, ""));
    if algorithm != "AWS4-HMAC-SHA256" {
        return Err(incomplete(
            service,
            format!("Unsupported AWS 'algorithm': '{algorithm}'."),
        ));
    }
    let parameter = |name: &str| {
        parameters
            .split(',')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
    };
    let credential = parameter("Credential");
    let signed_headers = parameter("SignedHeaders");
    let signature = parameter("Signature");
    let mut lacking: Vec<String> = [
        ("Credential", credential),
        ("Signature", signature),
        ("SignedHeaders", signed_headers),
    ]
    .into_iter()
    .filter(|(_, value)| value.is_none())
    .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
    .collect();
    if date.is_none() {
        lacking.push(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                .to_owned(),
        );
    }
    let (Some(credential), Some(signed_headers), Some(signature), Some(date), true) = (
        credential,
        signed_headers,
        signature,
        date,
        lacking.is_empty(),
    ) else {
        lacking.push(format!("Authorization={algorithm}"));
        return Err(incomplete(service, lacking.join(" ")));
    };
    let scope: Vec<&str> = credential.split('/').collect();
    let [access_key, day, region, scoped, terminator] = scope.as_slice() else {
        return Err(incomplete(
            service,
            format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            ),
        ));
    };
    let mut wrong = Vec::new();
    if region.is_empty() {
        wrong.push(wrong_region(region));
    }
    if *scoped != service.name() {
        wrong.push(format!(
            "Credential should be scoped to correct service: '{}'.",
            service.name()
        ));
    }
    if *terminator != "aws4_request" {
        wrong.push(format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
        ));
    }
    let asked = text_of(headers, "x-amz-date").and_then(|date| date.get(..8));
    if asked.is_some_and(|asked| asked != *day) {
        wrong.push(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{day}' != '{}', from '{date}'.",
            asked.unwrap_or_default()
        ));
    }
    if !signed_headers.split(';').any(|name| name == "host") {
        wrong.push("'Host' must be a 'SignedHeader' in the AWS Authorization.".to_owned());
    }
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        wrong.push(NO_MATCH.to_owned());
    }
    if !wrong.is_empty() {
        return Err(mismatch(service, wrong.join(" ")));
    }
    Ok(Signature {
        access_key: (*access_key).to_owned(),
        region: (*region).to_owned(),
        has_token: text_of(headers, "x-amz-security-token").is_some_and(|token| !token.is_empty()),
    })
}

/// The text of a signature that is not what it should be.
pub(super) const NO_MATCH: &str = "The request signature we calculated does not match the \
    signature you provided. Check your AWS Secret Access Key and signing method. Consult the \
    service documentation for details.";

fn missing(service: Service) -> ApiError {
    match service {
        Service::WorkMail => ApiError::common(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        Service::Sts => ApiError {
            status: 403,
            ..ApiError::common(
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )
        },
    }
}

fn incomplete(service: Service, text: String) -> ApiError {
    match service {
        Service::WorkMail => ApiError::common("IncompleteSignatureException", text),
        Service::Sts => ApiError::common("IncompleteSignature", text),
    }
}

/// The error of a signature that is not what it should be.
pub(super) fn mismatch(service: Service, text: impl Into<String>) -> ApiError {
    match service {
        Service::WorkMail => ApiError::common("InvalidSignatureException", text),
        Service::Sts => ApiError {
            status: 403,
            ..ApiError::common("SignatureDoesNotMatch", text)
        },
    }
}

/// The text of a scope whose region is not served.
pub(super) fn wrong_region(region: &str) -> String {
    format!("Credential should be scoped to a valid region, not '{region}'.")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn header(scope: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={HEX}"
        )
    }

    fn read_with(authorization: &str, date: &str, service: Service) -> Result<Signature, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        headers.insert("x-amz-date", HeaderValue::from_str(date).unwrap());
        read(&headers, service)
    }

    const DATE: &str = "20261123T101112Z";

    #[test]
    fn the_scope_names_key_and_region() {
        let signed = header("AKIA/20261123/eu-west-1/workmail/aws4_request");
        let signature = read_with(&signed, DATE, Service::WorkMail).unwrap();
        assert_eq!(
            (&*signature.access_key, &*signature.region),
            ("AKIA", "eu-west-1")
        );
        let signed = header("AKIA/20261123/us-east-1/sts/aws4_request").replace(", ", ",");
        assert!(read_with(&signed, DATE, Service::Sts).is_ok());
    }

    #[test]
    fn a_request_without_a_signature_is_told_so() {
        let error = read(&HeaderMap::new(), Service::WorkMail).unwrap_err();
        assert_eq!(
            (&*error.code, error.status),
            ("MissingAuthenticationTokenException", 400)
        );
        let error = read(&HeaderMap::new(), Service::Sts).unwrap_err();
        assert_eq!(
            (&*error.code, error.status),
            ("MissingAuthenticationToken", 403)
        );
    }

    #[test]
    fn every_part_of_the_scope_is_checked() {
        for (scope, text) in [
            (
                "AKIA/20261123/us-east-1/ses/aws4_request",
                "correct service: 'workmail'",
            ),
            (
                "AKIA/20261123//workmail/aws4_request",
                "valid region, not ''",
            ),
            (
                "AKIA/20261123/us-east-1/workmail/aws3_request",
                "not 'aws3_request'",
            ),
            (
                "AKIA/20261124/us-east-1/workmail/aws4_request",
                "'20261124' != '20261123'",
            ),
        ] {
            let error = read_with(&header(scope), DATE, Service::WorkMail).unwrap_err();
            assert_eq!(error.code, "InvalidSignatureException");
            assert!(error.message.as_ref().unwrap().contains(text), "{error}");
        }
        let scope = "AKIA/20261123/us-east-1/workmail/aws4_request";
        let error = read_with(&header(scope), DATE, Service::Sts).unwrap_err();
        assert_eq!((&*error.code, error.status), ("SignatureDoesNotMatch", 403));
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let good = header("AKIA/20261123/us-east-1/workmail/aws4_request");
        for (authorization, code) in [
            ("Bearer token".to_owned(), "IncompleteSignatureException"),
            (
                good.replace("Signature=", "Sig="),
                "IncompleteSignatureException",
            ),
            (
                good.replace("/aws4_request", ""),
                "IncompleteSignatureException",
            ),
            (
                good.replace("Credential", "Cred"),
                "IncompleteSignatureException",
            ),
            (good.replace("host;", ""), "InvalidSignatureException"),
            (good.replace(HEX, "abc"), "InvalidSignatureException"),
        ] {
            let error = read_with(&authorization, DATE, Service::WorkMail).unwrap_err();
            assert_eq!(error.code, code, "{authorization}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&good).unwrap());
        assert!(
            read(&headers, Service::WorkMail)
                .unwrap_err()
                .to_string()
                .contains("X-Amz-Date")
        );
    }
}
