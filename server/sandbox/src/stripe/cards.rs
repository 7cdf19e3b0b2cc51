//! Stripe's test cards: which number behaves how. A number that is not one of them is declined as
//! Stripe's test mode does, so that a real card typed into a demo goes nowhere. Numbers are
//! looked at here and dropped: what stays is the brand and the last four.

use serde::{Deserialize, Serialize};

use super::error::ApiError;

/// What the bank says when the card is charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    Pays,
    Declines(String),
    /// The bank asks for approval (3-D Secure) each time.
    AsksApproval,
    /// The bank asks, and declines after the approval.
    AsksThenDeclines,
    /// Pays, and the holder disputes at once.
    Disputes,
    /// Pays; a refund fails later.
    RefundFails,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub brand: String,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub funding: String,
    pub wallet: Option<String>,
    pub behaviour: Behaviour,
}

/// A decline as the API words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    pub code: String,
    pub decline_code: Option<String>,
    pub message: String,
}

impl Decline {
    pub fn of(code: &str) -> Self {
        let (kind, decline, message) = match code {
            "expired_card" => (code, None, "Your card has expired."),
            "incorrect_cvc" => (code, None, "Your card's security code is incorrect."),
            "incorrect_number" => (code, None, "Your card number is incorrect."),
            "processing_error" => (
                code,
                None,
                "An error occurred while processing your card. Try again in a little bit.",
            ),
            "authentication_required" => (
                code,
                Some(code),
                "Your card was declined. This transaction requires authentication.",
            ),
            "insufficient_funds" => {
                ("card_declined", Some(code), "Your card has insufficient funds.")
            }
            "card_velocity_exceeded" => (
                "card_declined",
                Some(code),
                "Your card was declined for making repeated attempts too frequently or exceeding \
                 its amount limit.",
            ),
            "test_mode_live_card" => (
                "card_declined",
                Some(code),
                "Your card was declined. Your request was in test mode, but used a non test card. \
                 For a list of valid test cards, visit: https://stripe.com/docs/testing.",
            ),
            "" | "card_declined" => {
                ("card_declined", Some("generic_decline"), "Your card was declined.")
            }
            other => ("card_declined", Some(other), "Your card was declined."),
        };
        Self {
            code: kind.to_owned(),
            decline_code: decline.map(str::to_owned),
            message: message.to_owned(),
        }
    }

    /// What Stripe advises to do next, for the declines where it does.
    pub fn advice_code(&self) -> Option<&'static str> {
        match self.decline_code.as_deref().unwrap_or(&self.code) {
            "insufficient_funds" | "generic_decline" | "processing_error" => {
                Some("try_again_later")
            }
            "lost_card" | "stolen_card" | "fraudulent" => Some("do_not_try_again"),
            "authentication_required" => Some("confirm_card_data"),
            _ => None,
        }
    }

    /// The network's own code, as charge outcomes carry it.
    pub fn network_code(&self) -> &'static str {
        match self.decline_code.as_deref().unwrap_or(&self.code) {
            "insufficient_funds" => "51",
            "lost_card" => "41",
            "stolen_card" => "43",
            "expired_card" => "54",
            "incorrect_cvc" => "N7",
            _ => "05",
        }
    }
}

/// Number, brand, funding, behaviour. Declines name their decline code.
const NUMBERS: &[(&str, &str, &str, &str)] = &[
    ("4242424242424242", "visa", "credit", "pays"),
    ("4000056655665556", "visa", "debit", "pays"),
    ("5555555555554444", "mastercard", "credit", "pays"),
    ("2223003122003222", "mastercard", "credit", "pays"),
    ("5200828282828210", "mastercard", "debit", "pays"),
    ("5105105105105100", "mastercard", "prepaid", "pays"),
    ("378282246310005", "amex", "credit", "pays"),
    ("371449635398431", "amex", "credit", "pays"),
    ("6011111111111117", "discover", "credit", "pays"),
    ("6011000990139424", "discover", "credit", "pays"),
    ("6011981111111113", "discover", "debit", "pays"),
    ("3056930009020004", "diners", "credit", "pays"),
    ("36227206271667", "diners", "credit", "pays"),
    ("3566002020360505", "jcb", "credit", "pays"),
    ("6200000000000005", "unionpay", "credit", "pays"),
    ("4000000000000077", "visa", "credit", "pays"),
    ("4000003720000278", "visa", "credit", "pays"),
    ("4000000000000002", "visa", "credit", "generic_decline"),
    ("4000000000009995", "visa", "credit", "insufficient_funds"),
    ("4000000000009987", "visa", "credit", "lost_card"),
    ("4000000000009979", "visa", "credit", "stolen_card"),
    ("4000000000000069", "visa", "credit", "expired_card"),
    ("4000000000000127", "visa", "credit", "incorrect_cvc"),
    ("4000000000000119", "visa", "credit", "processing_error"),
    ("4000000000006975", "visa", "credit", "card_velocity_exceeded"),
    ("4100000000000019", "visa", "credit", "fraudulent"),
    ("4000002500003155", "visa", "credit", "asks"),
    ("4000002760003184", "visa", "credit", "asks"),
    ("4000000000003220", "visa", "credit", "asks"),
    ("4000003800000446", "visa", "credit", "asks"),
    ("4000008260003178", "visa", "credit", "asks_then_declines"),
    ("4000008400001629", "visa", "credit", "asks_then_declines"),
    ("4000000000000259", "visa", "credit", "disputes"),
    ("4000000000005126", "visa", "credit", "refund_fails"),
];

/// Stripe's named payment methods and the number each stands for.
const NAMED: &[(&str, &str)] = &[
    ("pm_card_visa", "4242424242424242"),
    ("pm_card_visa_debit", "4000056655665556"),
    ("pm_card_mastercard", "5555555555554444"),
    ("pm_card_mastercard_debit", "5200828282828210"),
    ("pm_card_mastercard_prepaid", "5105105105105100"),
    ("pm_card_amex", "378282246310005"),
    ("pm_card_discover", "6011111111111117"),
    ("pm_card_diners", "3056930009020004"),
    ("pm_card_jcb", "3566002020360505"),
    ("pm_card_unionpay", "6200000000000005"),
    ("pm_card_chargeDeclined", "4000000000000002"),
    ("pm_card_visa_chargeDeclined", "4000000000000002"),
    ("pm_card_chargeDeclinedInsufficientFunds", "4000000000009995"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995"),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987"),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979"),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069"),
    ("pm_card_visa_chargeDeclinedExpiredCard", "4000000000000069"),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127"),
    ("pm_card_visa_chargeDeclinedIncorrectCvc", "4000000000000127"),
    ("pm_card_chargeDeclinedProcessingError", "4000000000000119"),
    ("pm_card_visa_chargeDeclinedProcessingError", "4000000000000119"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975"),
    ("pm_card_radarBlock", "4100000000000019"),
    ("pm_card_authenticationRequired", "4000002500003155"),
    ("pm_card_authenticationRequiredOnSetup", "4000002500003155"),
    ("pm_card_threeDSecure2Required", "4000000000003220"),
    ("pm_card_threeDSecureRequired", "4000000000003220"),
    ("pm_card_createDispute", "4000000000000259"),
    ("pm_card_refundFail", "4000000000005126"),
];

fn behaviour(name: &str) -> Behaviour {
    match name {
        "pays" => Behaviour::Pays,
        "asks" => Behaviour::AsksApproval,
        "asks_then_declines" => Behaviour::AsksThenDeclines,
        "disputes" => Behaviour::Disputes,
        "refund_fails" => Behaviour::RefundFails,
        code => Behaviour::Declines(code.to_owned()),
    }
}

fn brand_by_prefix(digits: &str) -> &'static str {
    let head: u32 = digits.get(..4).and_then(|head| head.parse().ok()).unwrap_or(0);
    match head {
        4000..=4999 => "visa",
        5100..=5599 | 2221..=2720 => "mastercard",
        3400..=3499 | 3700..=3799 => "amex",
        6011 | 6440..=6599 => "discover",
        3000..=3059 | 3600..=3699 | 3800..=3999 => "diners",
        3528..=3589 => "jcb",
        6200..=6299 => "unionpay",
        _ => "unknown",
    }
}

/// The check digit every card number carries.
pub fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.wrapping_sub(b'0'));
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A typed card. The year may have two digits, as people type it.
pub fn read(
    number: &str,
    exp_month: i64,
    exp_year: i64,
    cvc: Option<&str>,
    today: (i64, i64),
) -> Result<Card, ApiError> {
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let looks_right =
        (12..=19).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !looks_right || !passes_luhn(&digits) {
        let message = "Your card number is incorrect.";
        return Err(ApiError::card("incorrect_number", message, "number"));
    }
    if !(1..=12).contains(&exp_month) {
        let message = "Your card's expiration month is invalid.";
        return Err(ApiError::card("invalid_expiry_month", message, "exp_month"));
    }
    let exp_year = if (0..100).contains(&exp_year) { exp_year + 2000 } else { exp_year };
    if exp_year > today.0 + 50 || (exp_year, exp_month) < today {
        let message = "Your card's expiration year is invalid.";
        return Err(ApiError::card("invalid_expiry_year", message, "exp_year"));
    }
    if let Some(cvc) = cvc {
        let right = (3..=4).contains(&cvc.len()) && cvc.bytes().all(|b| b.is_ascii_digit());
        if !right {
            let message = "Your card's security code is invalid.";
            return Err(ApiError::card("invalid_cvc", message, "cvc"));
        }
    }
    Ok(known(&digits, exp_month, exp_year))
}

fn known(digits: &str, exp_month: i64, exp_year: i64) -> Card {
    let entry = NUMBERS.iter().find(|(number, ..)| *number == digits);
    let (brand, funding, behaviour) = match entry {
        Some((_, brand, funding, name)) => (*brand, *funding, behaviour(name)),
        None => {
            let declined = Behaviour::Declines("test_mode_live_card".to_owned());
            (brand_by_prefix(digits), "unknown", declined)
        }
    };
    Card {
        brand: brand.to_owned(),
        last4: digits[digits.len() - 4..].to_owned(),
        exp_month,
        exp_year,
        funding: funding.to_owned(),
        wallet: None,
        behaviour,
    }
}

/// One of Stripe's named payment methods, as server-side tests use them.
pub fn named(name: &str, today: (i64, i64)) -> Option<Card> {
    let (_, number) = NAMED.iter().find(|(known, _)| *known == name)?;
    Some(known(number, 12, today.0 + 3))
}

/// What a wallet hands over in the stand-in: a paying Visa.
pub fn wallet(kind: &str, today: (i64, i64)) -> Card {
    Card { wallet: Some(kind.to_owned()), ..known("4242424242424242", 12, today.0 + 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_number_has_a_valid_check_digit() {
        for (number, ..) in NUMBERS {
            assert!(passes_luhn(number), "{number}");
        }
        for (_, number) in NAMED {
            assert!(NUMBERS.iter().any(|(known, ..)| known == number), "{number}");
        }
    }

    #[test]
    fn a_real_looking_card_is_declined() {
        let card = read("4111 1111 1111 1111", 1, 40, Some("123"), (2026, 1)).unwrap();
        assert_eq!(card.behaviour, Behaviour::Declines("test_mode_live_card".into()));
        assert_eq!(card.last4, "1111");
    }

    #[test]
    fn an_expired_date_is_refused() {
        let error = read("4242424242424242", 1, 26, None, (2026, 2)).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("invalid_expiry_year"));
    }
}
