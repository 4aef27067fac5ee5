//! Answers in the forms of the two services.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Map, Value, json};

use super::{ApiError, Service};
use crate::operations::Letter;

/// What is answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// The output of an operation, if it has one.
    Output(Option<Value>),
    Error(ApiError),
    /// A status and a page, as from something in front of the service.
    Status(u16),
    /// A body that nobody can decode.
    Garbage,
}

impl Answer {
    /// The code of an error.
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
            // A value of the work's own making can always be written.
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

/// Neither JSON nor XML, and no text either.
const GARBAGE: &[u8] = b"\xff\xfe{\"OrganizationId\":\"m-";

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn json_error(error: &ApiError) -> Value {
    let mut body = Map::new();
    body.insert("__type".to_owned(), json!(error.code));
    if let Some(message) = &error.message {
        let member = match error.letter {
            Letter::Upper => "Message",
            Letter::Lower => "message",
        };
        body.insert(member.to_owned(), json!(message));
    }
    Value::Object(body)
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

fn result(output: Option<&Value>, request_id: &str) -> String {
    let member = |name: &str| {
        escaped(
            output
                .and_then(|output| output.get(name)?.as_str())
                .unwrap_or_default(),
        )
    };
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    \
         <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{}</Account>\n  \
         </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  \
         </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        member("Arn"),
        member("UserId"),
        member("Account"),
    )
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

    async fn parts(answer: Answer, service: Service) -> (u16, Option<String>, String) {
        let response = render(&answer, service, "an-id");
        assert_eq!(response.headers()["x-amzn-requestid"], "an-id");
        let code = response
            .headers()
            .get("x-amzn-errortype")
            .map(|code| code.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, code, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn errors_carry_their_code_in_body_and_header() {
        let own = Answer::Error(ApiError::too_many_tags());
        let (status, code, body) = parts(own, Service::WorkMail).await;
        assert_eq!(
            (status, code.as_deref()),
            (400, Some("TooManyTagsException"))
        );
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({"__type": "TooManyTagsException", "Message": "A resource can have at most 50 tags."})
        );

        let (_, _, body) = parts(
            Answer::Error(ApiError::common("ThrottlingException", "Rate exceeded")),
            Service::WorkMail,
        )
        .await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            json!({"__type": "ThrottlingException", "message": "Rate exceeded"})
        );

        let (status, _, body) = parts(Answer::Error(ApiError::internal()), Service::WorkMail).await;
        assert_eq!(
            (status, body.as_str()),
            (500, r#"{"__type":"InternalFailure"}"#)
        );
    }

    #[tokio::test]
    async fn an_operation_without_output_has_an_empty_body() {
        assert_eq!(
            parts(Answer::Output(None), Service::WorkMail).await,
            (200, None, String::new())
        );
    }

    #[tokio::test]
    async fn sts_answers_in_xml() {
        let error = ApiError {
            status: 403,
            ..ApiError::common("AccessDenied", "a < b & c")
        };
        let (status, code, body) = parts(Answer::Error(error), Service::Sts).await;
        assert_eq!((status, code), (403, None));
        assert!(body.contains("<Type>Sender</Type>"), "{body}");
        assert!(
            body.contains("<Message>a &lt; b &amp; c</Message>"),
            "{body}"
        );
        let identity = json!({"Arn": "arn:aws:iam::123456789012:user/local", "UserId": "AIDA", "Account": "123456789012"});
        let (_, _, body) = parts(Answer::Output(Some(identity)), Service::Sts).await;
        assert!(body.contains("<Account>123456789012</Account>"), "{body}");
    }

    #[tokio::test]
    async fn garbage_is_neither_text_nor_an_error() {
        let response = render(&Answer::Garbage, Service::WorkMail, "an-id");
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("x-amzn-errortype"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(serde_json::from_slice::<Value>(&body).is_err());
        assert!(String::from_utf8(body.to_vec()).is_err());
    }
}
