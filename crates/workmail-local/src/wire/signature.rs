//! The `Authorization` header of Signature Version 4. Its form and its scope are checked. The
//! signature is not verified, because the endpoint has no secret.

use axum::http::{HeaderMap, header::AUTHORIZATION};

use super::{ApiError, Service, header};

/// The caller of a request by its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) access_key: String,
    pub(super) region: String,
    /// The session token.
    pub(super) token: Option<String>,
}

impl Signature {
    /// Whether the key is a temporary one, of which AWS accepts no call without a session token.
    pub(super) fn lacks_token(&self) -> bool {
        self.access_key.starts_with("ASIA") && self.token.is_none()
    }
}

/// Reads the signature of a request to a service.
///
/// # Errors
/// The signature is missing, or its form or its scope is wrong.
pub(super) fn read(headers: &HeaderMap, service: Service) -> Result<Signature, ApiError> {
    let Some(authorization) = header(headers, AUTHORIZATION.as_str()) else {
        return Err(missing(service));
    };
    let date = header(headers, "x-amz-date").or_else(|| header(headers, "date"));
    let parameters =
        Parameters::parse(authorization, date).map_err(|text| incomplete(service, text))?;
    let scope: Vec<&str> = parameters.credential.split('/').collect();
    let [access_key, day, region, scoped, terminator] = scope.as_slice() else {
        let text = format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{}'",
            parameters.credential
        );
        return Err(incomplete(service, text));
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
    let date = header(headers, "x-amz-date");
    let day_of_request = date.and_then(|date| date.get(..8)).unwrap_or(day);
    if day_of_request != *day {
        wrong.push(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{day}' != '{day_of_request}', from '{}'.",
            date.unwrap_or_default()
        ));
    }
    wrong.extend(parameters.faults());
    if !wrong.is_empty() {
        return Err(mismatch(service, wrong.join(" ")));
    }
    let token = header(headers, "x-amz-security-token");
    Ok(Signature {
        access_key: (*access_key).to_owned(),
        region: (*region).to_owned(),
        token: token.filter(|token| !token.is_empty()).map(str::to_owned),
    })
}

/// The parameters of the `Authorization` header.
struct Parameters<'h> {
    credential: &'h str,
    signed_headers: &'h str,
    signature: &'h str,
}

impl<'h> Parameters<'h> {
    /// Parses the header. The error is the text of the refusal.
    fn parse(authorization: &'h str, date: Option<&str>) -> Result<Self, String> {
        let (algorithm, parameters) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if algorithm != "AWS4-HMAC-SHA256" {
            return Err(format!("Unsupported AWS 'algorithm': '{algorithm}'."));
        }
        let mut texts = Vec::new();
        let mut parameter = |name: &str| {
            let found = parameters
                .split(',')
                .filter_map(|parameter| parameter.trim().split_once('='))
                .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value));
            if found.is_none() {
                texts.push(format!("Authorization header requires '{name}' parameter."));
            }
            found.unwrap_or_default()
        };
        let found = Self {
            credential: parameter("Credential"),
            signature: parameter("Signature"),
            signed_headers: parameter("SignedHeaders"),
        };
        if date.is_none() {
            texts.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                 header."
                    .to_owned(),
            );
        }
        if texts.is_empty() {
            return Ok(found);
        }
        texts.push(format!("Authorization={algorithm}"));
        Err(texts.join(" "))
    }

    /// Returns what is wrong with the signed headers and the signature.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.signed_headers.split(';').any(|name| name == "host") {
            faults.push("'Host' must be a 'SignedHeader' in the AWS Authorization.".to_owned());
        }
        let is_hexadecimal = self.signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        if self.signature.len() != 64 || !is_hexadecimal {
            faults.push(NO_MATCH.to_owned());
        }
        faults
    }
}

/// The text of a signature that is wrong.
pub(super) const NO_MATCH: &str = "The request signature we calculated does not match the \
    signature you provided. Check your AWS Secret Access Key and signing method. Consult the \
    service documentation for details.";

fn missing(service: Service) -> ApiError {
    match service {
        Service::WorkMail => ApiError::framework(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        Service::Sts => ApiError::framework(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
        .with_status(403),
    }
}

fn incomplete(service: Service, text: String) -> ApiError {
    match service {
        Service::WorkMail => ApiError::framework("IncompleteSignatureException", text),
        Service::Sts => ApiError::framework("IncompleteSignature", text),
    }
}

/// Returns the error of a signature that is wrong.
pub(super) fn mismatch(service: Service, text: impl Into<String>) -> ApiError {
    match service {
        Service::WorkMail => ApiError::framework("InvalidSignatureException", text),
        Service::Sts => ApiError::framework("SignatureDoesNotMatch", text).with_status(403),
    }
}

/// Returns the text of a region without the service.
pub(super) fn wrong_region(region: &str) -> String {
    format!("Credential should be scoped to a valid region, not '{region}'.")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const SCOPE: &str = "AKIA/20261123/us-east-1/workmail/aws4_request";

    fn header_of(scope: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={HEX}"
        )
    }

    fn read_header(authorization: &str, service: Service) -> Result<Signature, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        headers.insert("x-amz-date", HeaderValue::from_static("20261123T101112Z"));
        read(&headers, service)
    }

    #[test]
    fn the_scope_names_key_and_region() {
        let signed = header_of("AKIA/20261123/eu-west-1/workmail/aws4_request");
        let signature = read_header(&signed, Service::WorkMail).unwrap();
        let Signature {
            access_key, region, ..
        } = signature;
        assert_eq!((&*access_key, &*region), ("AKIA", "eu-west-1"));
        let signed = header_of("AKIA/20261123/us-east-1/sts/aws4_request").replace(", ", ",");
        assert!(read_header(&signed, Service::Sts).is_ok());
    }

    #[test]
    fn every_part_of_the_scope_is_checked() {
        for (part, other, text) in [
            ("/workmail/", "/ses/", "correct service: 'workmail'"),
            ("/us-east-1/", "//", "valid region, not ''"),
            ("aws4_request", "aws3_request", "not 'aws3_request'"),
            ("20261123", "20261124", "'20261124' != '20261123'"),
        ] {
            let scope = SCOPE.replace(part, other);
            let error = read_header(&header_of(&scope), Service::WorkMail).unwrap_err();
            assert_eq!(error.code, "InvalidSignatureException");
            assert!(error.message.as_ref().unwrap().contains(text), "{error}");
        }
        let error = read_header(&header_of(SCOPE), Service::Sts).unwrap_err();
        assert_eq!((&*error.code, error.status), ("SignatureDoesNotMatch", 403));
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        for (part, other, code) in [
            ("AWS4-HMAC-SHA256", "Bearer", "IncompleteSignatureException"),
            ("Signature=", "Sig=", "IncompleteSignatureException"),
            ("/aws4_request", "", "IncompleteSignatureException"),
            ("Credential", "Cred", "IncompleteSignatureException"),
            ("host;", "", "InvalidSignatureException"),
            (HEX, "abc", "InvalidSignatureException"),
        ] {
            let authorization = header_of(SCOPE).replace(part, other);
            let error = read_header(&authorization, Service::WorkMail).unwrap_err();
            assert_eq!(error.code, code, "{authorization}");
        }
        let mut headers = HeaderMap::new();
        let signed = HeaderValue::from_str(&header_of(SCOPE)).unwrap();
        headers.insert(AUTHORIZATION, signed);
        let error = read(&headers, Service::WorkMail).unwrap_err();
        assert!(error.to_string().contains("X-Amz-Date"), "{error}");
    }

    #[test]
    fn a_request_without_a_signature_is_refused() {
        for (service, code, status) in [
            (
                Service::WorkMail,
                "MissingAuthenticationTokenException",
                400,
            ),
            (Service::Sts, "MissingAuthenticationToken", 403),
        ] {
            let error = read(&HeaderMap::new(), service).unwrap_err();
            assert_eq!((&*error.code, error.status), (code, status));
        }
    }
}
