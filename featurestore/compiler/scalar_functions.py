"""Functions that a row-wise step may call: each makes one value of one row's values, always the same.

It is a list of what is known to be harmless, because no parser can tell a new aggregation, a table function or a clock
from a function it has never heard of. Names are small letters, as engines and as sqlglot spell them.
"""

__all__ = ["CLOCKS_AND_CHANCE", "SCALAR_FUNCTIONS"]

_CONDITIONS = (
    "and or xor not if case coalesce nullif ifnull nvl nvl2 greatest least equal_null decode_case iff safe_divide"
)
_NUMBERS = """
    abs acos acosh asin asinh atan atan2 atanh bit_count bit_length bitwise_count cbrt ceil ceiling cos cosh cot
    degrees even exp factorial fdiv floor fmod gamma gcd get_bit getbit greatest_common_divisor is_inf is_nan isfinite
    isinf isnan lcm least_common_multiple lgamma ln log log10 log2 mod negative nextafter pi pow power radians rint
    round round_even sign signbit sin sinh sqrt tan tanh trunc truncate width_bucket
"""
_TEXT = """
    ascii bar bin char char_length character_length chr concat concat_ws contains damerau_levenshtein decode editdist3
    encode ends_with endswith format from_base from_base64 from_hex hamming hex initcap instr jaccard jaro_similarity
    jaro_winkler_similarity jarowinkler_similarity lcase left left_grapheme len length length_grapheme levenshtein
    lower lpad ltrim md5 mismatches nfc_normalize normalize number_to_str octet_length ord overlay pad parse_dirname
    parse_dirpath parse_filename parse_path parse_url position prefix printf regexp_escape regexp_extract
    regexp_extract_all regexp_full_match regexp_i_like regexp_ilike regexp_instr regexp_like regexp_matches
    regexp_replace regexp_split regexp_split_to_array regexp_substr repeat replace reverse right right_grapheme rpad
    rtrim sha sha1 sha2 sha256 space split split_part starts_with startswith str_position str_split str_split_regex
    string string_split string_split_regex string_to_array strip_accents strlen strpos substr substring
    substring_index suffix to_base64 to_char to_hex to_number translate trim ucase unhex unicode upper url_decode
    url_encode
"""
_TIMES = """
    add_months century convert_timezone date date_add date_bin date_diff date_from_parts date_from_unix_date date_part
    date_str_to_date date_sub date_to_date_str date_trunc datediff datepart datesub datetime datetime_add
    datetime_diff datetime_sub datetime_trunc datetrunc day day_of_month day_of_week day_of_week_iso day_of_year
    dayname dayofmonth dayofweek dayofweek_iso dayofweekiso dayofyear days_in_month decade epoch epoch_ms epoch_ns
    epoch_us era extract hour isodow isoyear julian last_day last_day_of_month make_date make_interval make_timestamp
    make_timestamp_ms make_timestamp_ns make_timestamptz microsecond millennium millisecond minute month monthname
    months_between nanosecond next_day parse_datetime previous_day quarter second str_to_date str_to_time str_to_unix
    strftime strptime time_bucket time_slice time_str_to_date time_str_to_time time_str_to_unix time_to_str
    time_to_unix timestamp timestamp_add timestamp_diff timestamp_from_parts timestamp_ltz_from_parts timestamp_sub
    timestamp_trunc timestamp_tz_from_parts timestampadd timestampdiff timestamptrunc timezone_hour timezone_minute
    to_centuries to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes to_months
    to_quarters to_seconds to_timestamp to_weeks to_years try_strptime ts_or_ds_add ts_or_ds_diff ts_or_ds_to_date
    ts_or_ds_to_datetime ts_or_ds_to_timestamp unix_date unix_micros unix_millis unix_seconds unix_to_str unix_to_time
    week week_of_year weekday weekofyear year year_of_week year_of_week_iso yearweek
"""
_CASTS = "cast try_cast to_double to_boolean"
_LISTS_AND_OBJECTS = """
    apply array array_append array_apply array_cat array_compact array_concat array_contained_by array_contains
    array_contains_all array_distance array_distinct array_extract array_filter array_has array_has_all array_has_any
    array_indexof array_intersect array_length array_max array_min array_overlaps array_position array_prepend
    array_remove array_reverse array_reverse_sort array_select array_size array_slice array_sort array_sum
    array_to_string array_transform array_unique array_value array_where array_zip arrays_zip cardinality
    cosine_distance dot_product element_at euclidean_distance filter flatten json json_array json_array_length
    json_contains json_exists json_extract json_extract_array json_extract_path json_extract_path_text
    json_extract_scalar json_extract_string json_format json_keys json_object json_remove json_set json_strip_nulls
    json_type json_valid json_value jsonb_extract jsonb_extract_scalar list_append list_apply list_avg list_cat
    list_concat list_contains list_cosine_distance list_cosine_similarity list_count list_distance list_distinct
    list_dot_product list_element list_extract list_filter list_first list_has list_has_all list_has_any list_indexof
    list_inner_product list_intersect list_last list_max list_median list_min list_pack list_position list_prepend
    list_product list_resize list_reverse list_reverse_sort list_select list_slice list_sort list_sum list_transform
    list_unique list_value list_where list_zip map map_concat map_contains map_contains_key map_entries map_extract
    map_extract_value map_from_entries map_keys map_size map_values parse_json struct struct_extract struct_insert
    struct_keys struct_pack struct_values to_array to_json transform
"""
SCALAR_FUNCTIONS = frozenset(f"{_CONDITIONS} {_NUMBERS} {_TEXT} {_TIMES} {_CASTS} {_LISTS_AND_OBJECTS}".split())

_CLOCKS_AND_CHANCE = """
    ago clock_timestamp currval gen_random_uuid generate_uuid get_current_time get_current_timestamp getdate getenv
    getutcdate getvariable in_search_path last_insert_id localtime localtimestamp newid next_value_for nextval normal
    now object_id pg_backend_pid pg_postmaster_start_time rand rand_canonical randn random randstr seq1 seq2 seq4 seq8
    session_user setseed setval shuffle sleep_ms statement_timestamp sysdate sysdatetime systimestamp timeofday today
    transaction_timestamp txid_current uniform unix_timestamp user utc_date utc_time utc_timestamp uuid uuid_string
    uuidv4 uuidv7 version zipf
"""
CLOCKS_AND_CHANCE = frozenset(_CLOCKS_AND_CHANCE.split())
"""Functions that give another value each time, or in each session; so does whatever begins with ``current_``."""
