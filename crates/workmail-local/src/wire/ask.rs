//! What a request asks for.

use axum::http::{HeaderMap, Method, header::CONTENT_TYPE, request::Parts};
use serde_json::{Map, Value};

use super::{ApiError, Contract, Operation, Service, text_of};
use crate::contract::OperationModel;

/// A request, read as far as it can be.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) service: Service,
    /// The operation as the caller named it.
    pub(super) name: String,
    target: Result<Target, ApiError>,
    input: Result<Value, ApiError>,
}

/// What there is to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    CallerIdentity,
    WorkMail(Operation, &'static OperationModel, &'static Contract),
}

/// The service that a request is for: a form goes to STS, JSON to WorkMail.
pub(super) fn service_of(headers: &HeaderMap) -> Service {
    let kind = text_of(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        Service::Sts
    } else {
        Service::WorkMail
    }
}

impl Ask {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Self {
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
            Service::Sts => Self::read_form(body),
            Service::WorkMail => Self::read_json(&head.headers, body),
        }
    }

    fn read_json(headers: &HeaderMap, body: &[u8]) -> Self {
        let named = text_of(headers, "x-amz-target");
        let right_type = text_of(headers, CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.split(';').next() == Some("application/x-amz-json-1.1"));
        let target = match (named, right_type) {
            (None, _) => Err(ApiError::unknown_operation(
                404,
                "a call without x-amz-target",
            )),
            (_, false) => Err(ApiError::unknown_operation(
                404,
                "a content-type other than application/x-amz-json-1.1",
            )),
            (Some(named), true) => Contract::model()
                .map_err(|_| ApiError::internal())
                .and_then(|contract| {
                    contract
                        .operation_of(named)
                        .and_then(|(name, model)| Some((Operation::from_name(name)?, model)))
                        .map(|(operation, model)| Target::WorkMail(operation, model, contract))
                        .ok_or_else(|| ApiError::unknown_operation(400, named))
                }),
        };
        let input = if body.is_empty() {
            Ok(Value::Object(Map::new()))
        } else {
            serde_json::from_slice(body).map_err(|_| ApiError::serialization(None))
        };
        let named = named.unwrap_or_default();
        let name = named
            .rsplit_once('.')
            .map_or(named, |(_, name)| name)
            .to_owned();
        Self {
            service: Service::WorkMail,
            name,
            target,
            input,
        }
    }

    fn read_form(body: &[u8]) -> Self {
        let fields: Map<String, Value> = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::from(value)))
            .collect();
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, version) = (field("Action").to_owned(), field("Version").to_owned());
        let target = if name == "GetCallerIdentity" && version == "2011-06-15" {
            Ok(Target::CallerIdentity)
        } else {
            let text = format!("Could not find operation {name} for version {version}");
            Err(ApiError::common("InvalidAction", text))
        };
        Self {
            service: Service::Sts,
            name,
            target,
            input: Ok(Value::Object(fields)),
        }
    }

    /// What is asked for, if there is such a thing.
    pub(super) fn target(&self) -> Result<Target, ApiError> {
        self.target.clone()
    }

    /// An input of the types that a target takes.
    pub(super) fn input(&self, target: Target) -> Result<Value, ApiError> {
        let input = self.input.clone()?;
        if let Target::WorkMail(_, model, contract) = target {
            contract
                .read_types(&input, &model.input)
                .map_err(|misread| ApiError::serialization(Some(misread.to_string())))?;
        }
        Ok(input)
    }

    /// The body as the journal shows it.
    pub(super) fn shown(&self, body: &[u8]) -> Value {
        match &self.input {
            Ok(input) => input.clone(),
            Err(_) => Value::from(String::from_utf8_lossy(body)),
        }
    }

    /// The organization that is asked about, by its id or in an ARN.
    pub(super) fn organization_id(&self) -> Option<&str> {
        let input = self.input.as_ref().ok()?;
        let member = |name: &str| input.get(name).and_then(Value::as_str);
        member("OrganizationId").or_else(|| {
            member("ResourceARN")?
                .rsplit_once("organization/")
                .map(|(_, id)| id)
        })
    }
}
