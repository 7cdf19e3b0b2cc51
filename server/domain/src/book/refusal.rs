//! Why a row of a file was refused.
//!
//! The report goes to a biller and is kept, so it names the file, the line, the column and what to
//! do. It never repeats what stood in the row (decision 22).

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownCode;

/// One refused row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRefusal {
    /// The file within a folder or zip; empty when the import is a single file.
    pub file: Cow<'static, str>,
    /// The first line of the file is 1.
    pub line: u64,
    pub column: Option<Cow<'static, str>>,
    pub reason: RefusalReason,
    /// How many ledger or charge rows it stands for: 1, or 0 for a row about a person or a visit,
    /// which decision 22 does not count.
    pub ledger_rows: u32,
}

impl fmt::Display for RowRefusal {
    /// `claims.csv, line 17, SERVICEDATE: The date is …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}, ", self.file)?;
        }
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

macro_rules! reasons {
    ($($name:ident = $code:literal: $sentence:literal,)*) => {
        /// A closed list: the report is counted by it, and each has one sentence that says what
        /// to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum RefusalReason { $(#[serde(rename = $code)] $name,)* }

        impl RefusalReason {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code in the database and in the API. Never changes.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }

        impl FromStr for RefusalReason {
            type Err = UnknownCode;
            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                match text { $($code => Ok(Self::$name),)* _ => Err(UnknownCode) }
            }
        }
    };
}

reasons! {
    RowTooLong = "row_too_long":
        "The row is longer than 64 KB. Look for a quotation mark that is never closed.",
    TooManyColumns = "too_many_columns":
        "The row has more columns than the header. Put text with commas in quotation marks.",
    TooFewColumns = "too_few_columns":
        "The row has fewer columns than the header. Add the missing commas.",
    NotText = "not_text":
        "The text is not UTF-8. Save the file as CSV UTF-8 and import it again.",
    HiddenCharacter = "hidden_character":
        "There is a control character or an invisible mark. Type the text again.",
    CardNumber = "card_number":
        "This looks like the number of a payment card. Take it out of the file: cards are never kept here.",
    Missing = "missing":
        "A value is needed here. Fill it in.",
    TooLong = "too_long":
        "The text is too long for this column. Shorten it.",
    NotAnAmount = "not_an_amount":
        "This is not an amount. Write dollars and cents like 1082.50, without $ or commas.",
    AmountTooLarge = "amount_too_large":
        "No single amount is larger than $100,000,000. Correct it.",
    NotADate = "not_a_date":
        "This is not a date. Write it like 2026-03-04.",
    DateTooEarly = "date_too_early":
        "The date is before 1900. Correct it.",
    DateInFuture = "date_in_future":
        "The date is later than the day of the import. Correct it, or import with a later as-of day.",
    DatesOutOfOrder = "dates_out_of_order":
        "The date is earlier than the one it follows. Correct one of them.",
    DateTooFar = "date_too_far":
        "The date is more than two years after the import. Correct it.",
    NotPositive = "not_positive":
        "The amount has to be more than zero. Correct it, or leave it empty.",
    NotLastFour = "not_last_four":
        "Write the last four digits of the card, with their zeros, and never more of it.",
    SaidNo = "said_no":
        "The row says no in one column and gives the details in this one. Correct one of the two.",
    NotYesOrNo = "not_yes_or_no":
        "Write yes or no.",
    NotAChoice = "not_a_choice":
        "This is not one of the words for this column. The format page lists them.",
    NotAPhone = "not_a_phone":
        "This is not a US or Canadian phone number. Write ten digits, without an extension.",
    NotAnEmail = "not_an_email":
        "This is not an email address. Correct it or leave it empty.",
    NotSsn4 = "not_ssn4":
        "Write the last four digits of the social security number, or leave it empty.",
    NotAZip = "not_a_zip":
        "Write a ZIP code of five digits, or five and four.",
    NotAState = "not_a_state":
        "Write the two letters of a US state or territory.",
    NotACount = "not_a_count":
        "This is not a whole number. Correct it.",
    NothingSaid = "nothing_said":
        "The row names a patient but says nothing about them. Fill in at least one more column.",
    ConsentWithoutPhone = "consent_without_phone":
        "Consent to texts belongs to a phone number. Add the number, or leave the consent empty.",
    SaidTwice = "said_twice":
        "The same id stands in the file twice. Keep one of the two rows.",
    SaidDifferently = "said_differently":
        "The same id stands in the file with different details. Make the rows agree.",
    ClaimDisagrees = "claim_disagrees":
        "The rows of one claim must name the same patient, guarantor, encounter and status.",
    SettledButOwing = "settled_but_owing":
        "The claim is settled, yet its rows add up to an amount due. Correct one of the two.",
    ClaimIncomplete = "claim_incomplete":
        "Another row of this claim was refused, so its balance cannot be trusted. Correct that row.",
    TooManyLines = "too_many_lines":
        "The claim has more than 20,000 rows. Export it in parts, or report it to us.",
    UnknownPatient = "unknown_patient":
        "No accepted patient has this id. Add or correct the patient's row.",
    UnknownGuarantor = "unknown_guarantor":
        "No accepted guarantor has this id. Add or correct the guarantor's row.",
    UnknownClaim = "unknown_claim":
        "No accepted claim has this id. Add or correct the claim's row.",
    UnknownTransaction = "unknown_transaction":
        "This kind of transaction is not known. Report it to us with the version of the export.",
    TransactionBeforeCharge = "transaction_before_charge":
        "The transaction comes before any charge of its claim. Export the claim's charges too.",
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_where_and_what_to_do() {
        let refusal = RowRefusal {
            file: "claims.csv".into(),
            line: 17,
            column: Some("SERVICEDATE".into()),
            reason: RefusalReason::NotADate,
            ledger_rows: 0,
        };
        assert_eq!(
            refusal.to_string(),
            "claims.csv, line 17, SERVICEDATE: This is not a date. Write it like 2026-03-04."
        );
    }

    #[test]
    fn every_reason_has_its_own_code_and_sentence() {
        for (i, reason) in RefusalReason::ALL.iter().enumerate() {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            for other in &RefusalReason::ALL[..i] {
                assert_ne!(reason.as_str(), other.as_str());
                assert_ne!(reason.sentence(), other.sentence());
            }
        }
    }
}
