//! Numbers: what kind a patient's is, and finding and buying one for a practice.

use serde::Deserialize;

use super::{ChannelError, RefusalCause, Twilio};

/// Largest list of numbers to choose from that is asked for.
const SEARCH_LIMIT: u32 = 50;

/// What kind of line a number is. Only `Landline` and its like should stop a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineType {
    Mobile,
    Landline,
    FixedVoip,
    NonFixedVoip,
    TollFree,
    /// Premium, shared cost, voicemail, pager, …: nobody to text.
    Other,
    /// The vendor does not know. No information, not bad news.
    Unknown,
    /// Not a number at all.
    Invalid,
}

/// What to look for in the United States.
#[derive(Clone, Debug, Default)]
pub struct NumberSearch {
    /// `512`
    pub area_code: Option<String>,
    /// Digits or letters the number should contain.
    pub contains: Option<String>,
    /// State: `TX`.
    pub region: Option<String>,
    pub toll_free: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableNumber {
    pub e164: String,
    /// `(512) 555-0123`
    pub friendly: String,
    pub locality: Option<String>,
    pub region: Option<String>,
    pub can_text: bool,
    pub can_call: bool,
}

#[derive(Clone, Debug)]
pub struct NewNumber {
    pub e164: String,
    /// Where replies go.
    pub sms_url: String,
    /// Who answers calls to it.
    pub voice_url: String,
    pub friendly_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedNumber {
    /// `PN…`
    pub sid: String,
    pub e164: String,
}

impl Twilio {
    /// Asks what kind of line a number is. Costs money per look-up.
    pub async fn lookup_line_type(&self, e164: &str) -> Result<LineType, ChannelError> {
        #[derive(Deserialize)]
        struct Lookup {
            valid: Option<bool>,
            line_type_intelligence: Option<Intelligence>,
        }
        #[derive(Deserialize)]
        struct Intelligence {
            #[serde(rename = "type")]
            kind: Option<String>,
        }
        let digits = e164.strip_prefix('+').unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ChannelError::refused(RefusalCause::BadAddress));
        }
        let url = format!("{}/v2/PhoneNumbers/%2B{digits}", self.lookups_url);
        let request = self.http.get(url).query(&[("Fields", "line_type_intelligence")]);
        let found: Lookup = self.answer(request).await?;
        if found.valid == Some(false) {
            return Ok(LineType::Invalid);
        }
        let kind = found.line_type_intelligence.and_then(|line| line.kind);
        Ok(match kind.as_deref() {
            Some("mobile") => LineType::Mobile,
            Some("landline") => LineType::Landline,
            Some("fixedVoip") => LineType::FixedVoip,
            Some("nonFixedVoip") => LineType::NonFixedVoip,
            Some("tollFree") => LineType::TollFree,
            None | Some("unknown") => LineType::Unknown,
            Some(_) => LineType::Other,
        })
    }

    /// Numbers that could be bought and can text.
    pub async fn search_numbers(
        &self,
        search: &NumberSearch,
    ) -> Result<Vec<AvailableNumber>, ChannelError> {
        #[derive(Deserialize)]
        struct List {
            available_phone_numbers: Vec<Available>,
        }
        #[derive(Deserialize)]
        struct Available {
            phone_number: String,
            friendly_name: Option<String>,
            locality: Option<String>,
            region: Option<String>,
            capabilities: Option<Capabilities>,
        }
        #[derive(Default, Deserialize)]
        struct Capabilities {
            // Upper case in older answers.
            #[serde(default, alias = "SMS")]
            sms: bool,
            #[serde(default)]
            voice: bool,
        }
        let page = SEARCH_LIMIT.to_string();
        let mut query = vec![("SmsEnabled", "true"), ("PageSize", page.as_str())];
        let wishes = [
            ("AreaCode", &search.area_code),
            ("Contains", &search.contains),
            ("InRegion", &search.region),
        ];
        query.extend(wishes.iter().filter_map(|(name, wish)| Some((*name, wish.as_deref()?))));
        let kind = if search.toll_free { "TollFree" } else { "Local" };
        let url = format!("{}/AvailablePhoneNumbers/US/{kind}.json", self.account_url);
        let list: List = self.answer(self.http.get(url).query(&query)).await?;
        let numbers = list.available_phone_numbers.into_iter().map(|number| {
            let capabilities = number.capabilities.unwrap_or_default();
            AvailableNumber {
                friendly: number.friendly_name.unwrap_or_else(|| number.phone_number.clone()),
                e164: number.phone_number,
                locality: number.locality,
                region: number.region,
                can_text: capabilities.sms,
                can_call: capabilities.voice,
            }
        });
        Ok(numbers.collect())
    }

    /// Buys a number and points its replies and calls at us. After `Unknown`, ask [`Twilio::find_number`]
    /// before buying again: each purchase costs.
    pub async fn buy_number(&self, new: &NewNumber) -> Result<OwnedNumber, ChannelError> {
        let mut form = vec![
            ("PhoneNumber", new.e164.as_str()),
            ("SmsUrl", new.sms_url.as_str()),
            ("SmsMethod", "POST"),
            ("VoiceUrl", new.voice_url.as_str()),
            ("VoiceMethod", "POST"),
        ];
        if let Some(name) = &new.friendly_name {
            form.push(("FriendlyName", name));
        }
        let url = format!("{}/IncomingPhoneNumbers.json", self.account_url);
        let bought: WireNumber = self.answer(self.http.post(url).form(&form)).await?;
        Ok(bought.into())
    }

    /// Whether this number is already ours.
    pub async fn find_number(&self, e164: &str) -> Result<Option<OwnedNumber>, ChannelError> {
        #[derive(Deserialize)]
        struct List {
            incoming_phone_numbers: Vec<WireNumber>,
        }
        let url = format!("{}/IncomingPhoneNumbers.json", self.account_url);
        let request = self.http.get(url).query(&[("PhoneNumber", e164), ("PageSize", "20")]);
        let list: List = self.answer(request).await?;
        let ours = list.incoming_phone_numbers.into_iter().find(|n| n.phone_number == e164);
        Ok(ours.map(OwnedNumber::from))
    }
}

#[derive(Deserialize)]
struct WireNumber {
    sid: String,
    phone_number: String,
}

impl From<WireNumber> for OwnedNumber {
    fn from(wire: WireNumber) -> Self {
        Self { sid: wire.sid, e164: wire.phone_number }
    }
}
