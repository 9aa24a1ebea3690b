//! A chat completion request as it arrives. Wire only: nothing is judged here.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of the request body in the client's order, none of them read yet.
#[derive(Debug)]
pub struct RawFields<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> RawFields<'a> {
    /// The value of a field; null counts as not given, as OpenAI's clients write it for absent.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// All fields that are given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0
            .iter()
            .filter(|(_, value)| value.get() != "null")
            .map(|(name, value)| (name.as_ref(), *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawFields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(RawFields(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A text that is borrowed where it holds no escapes.
#[derive(Debug, Default, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// One message; which fields it may have depends on its role.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// `system`, `developer`, `user`, `assistant`, `tool` or `function`.
    #[serde(borrow)]
    pub role: Cow<'a, str>,
    /// Text or parts.
    #[serde(borrow, default)]
    pub content: Option<Content<'a>>,
    /// Name of the speaker.
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    /// Of an assistant.
    #[serde(borrow, default)]
    pub refusal: Option<Text<'a>>,
    /// Of an assistant.
    #[serde(borrow, default)]
    pub tool_calls: Option<Vec<ToolCall<'a>>>,
    /// Of an assistant, before there were tool calls.
    #[serde(borrow, default)]
    pub function_call: Option<FunctionCall<'a>>,
    /// Of an assistant: an earlier spoken answer.
    #[serde(borrow, default)]
    pub audio: Option<&'a RawValue>,
    /// Of a tool.
    #[serde(borrow, default)]
    pub tool_call_id: Option<Text<'a>>,
}

/// The content of a message.
#[derive(Debug)]
pub enum Content<'a> {
    /// Plain text.
    Text(Cow<'a, str>),
    /// Parts.
    Parts(Vec<Part<'a>>),
}

/// A part of a message's content.
#[derive(Debug, Deserialize)]
pub struct Part<'a> {
    /// `text`, `refusal`, `image_url`, `input_audio` or `file`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Of `text`.
    #[serde(borrow, default)]
    pub text: Option<Text<'a>>,
    /// Of `refusal`.
    #[serde(borrow, default)]
    pub refusal: Option<Text<'a>>,
    /// Of `image_url`.
    #[serde(borrow, default)]
    pub image_url: Option<ImageUrl<'a>>,
    /// Of `file`.
    #[serde(borrow, default)]
    pub file: Option<File<'a>>,
}

/// An image.
#[derive(Debug, Deserialize)]
pub struct ImageUrl<'a> {
    /// Its address, or a `data:` URL.
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    /// `auto`, `low` or `high`.
    #[serde(borrow, default)]
    pub detail: Option<Text<'a>>,
}

/// A file: by its id, or by its name and content.
#[derive(Debug, Deserialize)]
pub struct File<'a> {
    /// As `POST /v1/files` gave it.
    #[serde(borrow, default)]
    pub file_id: Option<Text<'a>>,
    /// The content.
    #[serde(borrow, default)]
    pub file_data: Option<Text<'a>>,
    /// Its name.
    #[serde(borrow, default)]
    pub filename: Option<Text<'a>>,
}

/// A tool call of an assistant message.
#[derive(Debug, Deserialize)]
pub struct ToolCall<'a> {
    /// Id of the call.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The function called; absent for custom tools.
    #[serde(borrow, default)]
    pub function: Option<FunctionCall<'a>>,
}

/// A function and its arguments.
#[derive(Debug, Deserialize)]
pub struct FunctionCall<'a> {
    /// Name of the function.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Arguments, a JSON text as the model wrote it.
    #[serde(borrow)]
    pub arguments: Cow<'a, str>,
}

/// `stream_options`.
#[derive(Debug, Default, Deserialize)]
pub struct StreamOptions {
    /// Whether usage comes as a last chunk.
    #[serde(default)]
    pub include_usage: Option<bool>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Content<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or an array of content parts")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut sequence: A,
            ) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = sequence.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }
        }

        deserializer.deserialize_any(TextOrParts)
    }
}
