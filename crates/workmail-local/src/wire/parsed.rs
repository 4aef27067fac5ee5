//! Parsing of requests.

use axum::http::{HeaderMap, Method, header::CONTENT_TYPE, request::Parts};
use serde_json::{Map, Value};

use super::{ApiError, Contract, Operation, Service, header, sts::Action};
use crate::contract::OperationModel;

/// A request, parsed as far as possible. An error in one part does not hide the other parts.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) service: Service,
    /// The operation as the caller named it.
    pub(super) name: String,
    target: Result<Target, ApiError>,
    input: Result<Value, ApiError>,
}

/// What a request calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Sts(Action),
    WorkMail(Operation, &'static OperationModel, &'static Contract),
}

/// Returns the service of a request: STS takes a form, WorkMail takes JSON.
pub(super) fn service_of(headers: &HeaderMap) -> Service {
    let content_type = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        Service::Sts
    } else {
        Service::WorkMail
    }
}

impl ParsedRequest {
    pub(super) fn parse(head: &Parts, body: &[u8]) -> Self {
        let service = service_of(&head.headers);
        if head.method != Method::POST || head.uri.path() != "/" {
            let name = format!("{} {}", head.method, head.uri.path());
            return Self {
                service,
                target: Err(ApiError::unknown_operation(404, &name)),
                name,
                input: Ok(Value::Null),
            };
        }
        match service {
            Service::Sts => Self::parse_form(body),
            Service::WorkMail => Self::parse_json(&head.headers, body),
        }
    }

    fn parse_json(headers: &HeaderMap, body: &[u8]) -> Self {
        let target = header(headers, "x-amz-target").unwrap_or_default();
        let content_type = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        let input = if body.is_empty() {
            Ok(Value::Object(Map::new()))
        } else {
            serde_json::from_slice(body).map_err(|_| ApiError::serialization(None))
        };
        let name = target.rsplit_once('.').map_or(target, |(_, name)| name);
        Self {
            service: Service::WorkMail,
            name: name.to_owned(),
            target: find_target(target, content_type),
            input,
        }
    }

    fn parse_form(body: &[u8]) -> Self {
        let fields: Map<String, Value> = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::from(value)))
            .collect();
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, version) = (field("Action").to_owned(), field("Version").to_owned());
        let action = Action::from_name(&name).filter(|_| version == "2011-06-15");
        let target = action.map(Target::Sts).ok_or_else(|| {
            let text = format!("Could not find operation {name} for version {version}");
            ApiError::framework("InvalidAction", text)
        });
        Self {
            service: Service::Sts,
            name,
            target,
            input: Ok(Value::Object(fields)),
        }
    }

    /// Returns what the request calls.
    pub(super) fn target(&self) -> Result<Target, ApiError> {
        self.target.clone()
    }

    /// Whether the request needs no signature.
    pub(super) fn is_unsigned(&self) -> bool {
        matches!(self.target, Ok(Target::Sts(action)) if action.is_unsigned())
    }

    /// Returns the account of the role that the request wants to assume.
    pub(super) fn account_of_role(&self) -> Option<&str> {
        match self.target {
            Ok(Target::Sts(_)) => super::sts::account_of_role(self.input.as_ref().ok()?),
            Ok(Target::WorkMail(..)) | Err(_) => None,
        }
    }

    /// Returns the input, whose values have the types that the target takes.
    pub(super) fn input(&self, target: Target) -> Result<Value, ApiError> {
        let input = self.input.clone()?;
        if let Target::WorkMail(_, model, contract) = target {
            contract
                .check_types(&input, &model.input)
                .map_err(|error| ApiError::serialization(Some(error.to_string())))?;
        }
        Ok(input)
    }

    /// Returns the body as the journal shows it.
    pub(super) fn journal_body(&self, body: &[u8]) -> Value {
        match &self.input {
            Ok(input) => input.clone(),
            Err(_) => Value::from(String::from_utf8_lossy(body)),
        }
    }

    /// Returns the organization that the request names, by its id or in an ARN.
    pub(super) fn organization_id(&self) -> Option<&str> {
        let input = self.input.as_ref().ok()?;
        let member = |name: &str| input.get(name).and_then(Value::as_str);
        let in_arn = || Some(member("ResourceARN")?.rsplit_once("organization/")?.1);
        member("OrganizationId").or_else(in_arn)
    }
}

fn find_target(target: &str, content_type: &str) -> Result<Target, ApiError> {
    let unknown = |status, name| Err(ApiError::unknown_operation(status, name));
    if target.is_empty() {
        return unknown(404, "a call without x-amz-target");
    }
    if content_type.split(';').next() != Some("application/x-amz-json-1.1") {
        return unknown(404, "a content-type other than application/x-amz-json-1.1");
    }
    let contract = Contract::model().map_err(|_| ApiError::internal())?;
    let found = contract.operation_of(target);
    match found.and_then(|(name, model)| Some((Operation::from_name(name)?, model))) {
        Some((operation, model)) => Ok(Target::WorkMail(operation, model, contract)),
        None => unknown(400, target),
    }
}
