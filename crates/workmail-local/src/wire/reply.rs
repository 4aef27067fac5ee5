//! Answers in the forms of the two services.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Map, Value, json};

use super::{ApiError, Service};
use crate::operations::TextMember;

/// An answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// The output of an operation, if it has one.
    Output(Option<Value>),
    Error(ApiError),
    /// A status and a page, as a proxy gives them.
    Status(u16),
    /// A body that cannot be decoded.
    Garbage,
}

impl Answer {
    /// Returns the code of an error.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Error(error) => Some(&error.code),
            Self::Output(_) | Self::Status(_) | Self::Garbage => None,
        }
    }
}

pub(super) fn render(answer: &Answer, service: Service, request_id: &str) -> Response<Body> {
    let kind = match service {
        Service::WorkMail => "application/x-amz-json-1.1",
        Service::Sts => "text/xml",
    };
    let mut response = Response::new(match (&answer, service) {
        (Answer::Output(output), Service::WorkMail) => {
            // A JSON value can always be written.
            let written = output.as_ref().map(serde_json::to_vec);
            Body::from(written.and_then(Result::ok).unwrap_or_default())
        }
        (Answer::Output(output), Service::Sts) => Body::from(result(output.as_ref(), request_id)),
        (Answer::Error(error), Service::WorkMail) => Body::from(json_error(error).to_string()),
        (Answer::Error(error), Service::Sts) => Body::from(xml_error(error, request_id)),
        (Answer::Status(status), _) => Body::from(page(*status)),
        (Answer::Garbage, _) => Body::from(GARBAGE),
    });
    let (status, kind, code) = match (&answer, service) {
        (Answer::Output(_) | Answer::Garbage, _) => (200, kind, None),
        (Answer::Error(error), Service::WorkMail) => (error.status, kind, Some(&error.code)),
        (Answer::Error(error), Service::Sts) => (error.status, kind, None),
        (Answer::Status(status), _) => (*status, "text/html", None),
    };
    *response.status_mut() = status_of(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(Ok(code)) = code.map(|code| HeaderValue::from_str(code)) {
        headers.insert("x-amzn-errortype", code);
    }
    response
}

/// Not JSON, not XML, and not UTF-8.
const GARBAGE: &[u8] = b"\xff\xfe{\"OrganizationId\":\"m-";

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn json_error(error: &ApiError) -> Value {
    let mut body = Map::new();
    body.insert("__type".to_owned(), json!(error.code));
    if let Some(message) = &error.message {
        let member = match error.text_member {
            TextMember::Capital => "Message",
            TextMember::Lower => "message",
        };
        body.insert(member.to_owned(), json!(message));
    }
    Value::Object(body)
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Returns the answer of an action: `output` is its result by the name of the element.
fn result(output: Option<&Value>, request_id: &str) -> String {
    let members = output.and_then(Value::as_object);
    let (element, result) = members
        .and_then(|members| members.iter().next())
        .map_or(("", &Value::Null), |(name, result)| (name.as_str(), result));
    let response = element.strip_suffix("Result").unwrap_or(element);
    format!(
        "<{response}Response xmlns=\"{NAMESPACE}\">\n  <{element}>{}</{element}>\n  \
         <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n\
         </{response}Response>\n",
        elements(result),
    )
}

/// Returns the members of an object as elements, and a text as itself.
fn elements(value: &Value) -> String {
    match value {
        Value::Object(members) => members.iter().fold(String::new(), |text, (name, value)| {
            format!("{text}<{name}>{}</{name}>", elements(value))
        }),
        Value::String(text) => escaped(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}

fn xml_error(error: &ApiError, request_id: &str) -> String {
    let fault = if error.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>{fault}</Type>\n    \
         <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  \
         <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        escaped(&error.code),
        escaped(error.message.as_deref().unwrap_or_default()),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn page(status: u16) -> String {
    let status = status_of(status);
    format!("<html><body><h1>{status}</h1></body></html>\n")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn parts(answer: Answer, service: Service) -> (u16, String) {
        let response = render(&answer, service, "an-id");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_error_of_the_framework_has_its_text_in_a_member_of_its_own() {
        let modelled = Answer::Error(ApiError::too_many_tags());
        let (_, body) = parts(modelled, Service::WorkMail).await;
        let text = "A resource can have at most 50 tags.";
        let expected = json!({"__type": "TooManyTagsException", "Message": text});
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        let framework = ApiError::framework("ThrottlingException", "Rate exceeded");
        let (_, body) = parts(Answer::Error(framework), Service::WorkMail).await;
        let expected = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        let without_text = Answer::Error(ApiError::internal());
        let expected = (500, r#"{"__type":"InternalFailure"}"#.to_owned());
        assert_eq!(parts(without_text, Service::WorkMail).await, expected);
    }

    #[tokio::test]
    async fn sts_escapes_the_text_of_an_error() {
        let error = ApiError::framework("AccessDenied", "a < b & c").with_status(403);
        let (status, body) = parts(Answer::Error(error), Service::Sts).await;
        assert_eq!(status, 403);
        assert!(
            body.contains("<Message>a &lt; b &amp; c</Message>"),
            "{body}"
        );
    }
}
