<?php
// As much of WordPress as the plugin on the page for blogs calls. `php wordpress.php PLUGIN < calls.json`: applies a
// filter for each {filter, text, feed, within, admin}, and prints {results, requests, loads} as JSON.

const WEEK_IN_SECONDS = 604800, MINUTE_IN_SECONDS = 60;

class WP_Error {}

$filters = $actions = $transients = $loads = array();
$running = array();
$call = null;
$requests = 0;

function add_filter( $name, $function, $when = 10 ) { global $filters; $filters[ $name ][] = $function; }
function add_action( $name, $function ) { global $actions; $actions[ $name ][] = $function; }
function current_filter() { global $running; return end( $running ); }
function doing_filter( $name ) { global $running; return in_array( $name, $running, true ); }
function is_admin() { global $call; return $call['admin'] ?? false; }
function is_feed() { global $call; return $call['feed'] ?? false; }
function get_transient( $key ) { global $transients; return $transients[ $key ] ?? false; }
function set_transient( $key, $value, $seconds ) {
	global $transients;
	assert( strlen( $key ) <= 172 && $seconds > 0 );
	$transients[ $key ] = $value;
}
function wp_json_encode( $value ) { return json_encode( $value ); }
function is_wp_error( $thing ) { return $thing instanceof WP_Error; }
function wp_remote_post( $url, $options ) {
	global $requests;
	++$requests;
	$headers = array();
	foreach ( $options['headers'] as $name => $value ) {
		$headers[] = "$name: $value";
	}
	$http = array( 'method' => 'POST', 'header' => $headers, 'content' => $options['body'], 'timeout' => $options['timeout'], 'ignore_errors' => true );
	$body = @file_get_contents( $url, false, stream_context_create( array( 'http' => $http ) ) );
	return false === $body ? new WP_Error() : array( 'code' => (int) explode( ' ', $http_response_header[0] )[1], 'body' => $body );
}
function wp_remote_retrieve_body( $answer ) { return is_wp_error( $answer ) ? '' : $answer['body']; }
function wp_remote_retrieve_response_code( $answer ) { return is_wp_error( $answer ) ? '' : $answer['code']; }
function content_url( $path ) { return "/wp-content/$path"; }
function wp_enqueue_style( $name, $url ) { global $loads; $loads[] = $url; }
function wp_enqueue_script( $name, $url ) { global $loads; $loads[] = $url; }

set_error_handler( function ( $level, $message ) { throw new ErrorException( $message ); }, E_ALL & ~E_WARNING );
require $argv[1];

$results = array();
foreach ( json_decode( stream_get_contents( STDIN ), true ) as $call ) {
	$running = array_filter( array( $call['within'] ?? null, $call['filter'] ) );
	$text = $call['text'];
	foreach ( $filters[ $call['filter'] ] as $function ) {
		$text = $function( $text );
	}
	$results[] = $text;
}
foreach ( $actions['wp_enqueue_scripts'] as $function ) {
	$function();
}
echo json_encode( array( 'results' => $results, 'requests' => $requests, 'loads' => $loads ) );
