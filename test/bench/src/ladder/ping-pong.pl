#!/usr/bin/perl
# One byte there and one byte back, over TCP, as netperf's TCP_RR and TCP_CRR do it. Perl, because it is part of every Debian
# and its sockets may block: what an event loop costs would be most of what is measured.
#
#   ping-pong.pl serve ADDRESS PORT                     says "ready", answers until it is ended
#   ping-pong.pl round-trips ADDRESS PORT SECONDS       over one connection: {"count", "seconds", "p50", "p99"}, microseconds
#   ping-pong.pl connections ADDRESS PORT SECONDS       a connection for each: {"count", "seconds"}
use strict;
use warnings;
use Socket;

# clock_gettime(CLOCK_MONOTONIC), by its number: the module that has it is not part of every Debian.
my %CLOCK_GETTIME = (x86_64 => 228, aarch64 => 113);
chomp(my $machine = `uname -m`);
my $clock_gettime = $CLOCK_GETTIME{$machine} or die "ping-pong: no number of clock_gettime for $machine\n";
my $now = pack('q2', 0, 0);
sub now { syscall($clock_gettime, 1, $now); my ($s, $ns) = unpack('q2', $now); return $s + $ns / 1e9 }

my ($role, $address, $port, $seconds) = @ARGV;
my $place = sockaddr_in($port, inet_aton($address));
$| = 1;

sub tcp {
  socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "ping-pong: socket: $!\n";
  setsockopt($socket, Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) or die "ping-pong: TCP_NODELAY: $!\n";
  return $socket;
}

sub ask {
  my ($socket) = @_;
  syswrite($socket, 'x') or die "ping-pong: write: $!\n";
  sysread($socket, my $byte, 1) or die "ping-pong: " . ($! || 'the other end closed') . "\n";
}

if ($role eq 'serve') {
  my $listener = tcp();
  setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($listener, $place) or die "ping-pong: bind: $!\n";
  listen($listener, 128) or die "ping-pong: listen: $!\n";
  print "ready\n";
  while (accept(my $socket, $listener)) {
    setsockopt($socket, Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1);
    while (sysread($socket, my $byte, 1)) { syswrite($socket, $byte) or last }
    close $socket;
  }
} elsif ($role eq 'round-trips') {
  my $socket = tcp();
  connect($socket, $place) or die "ping-pong: connect: $!\n";
  ask($socket) for 1 .. 10;
  my @times;
  my $began = my $last = now();
  while ($last - $began < $seconds) {
    ask($socket);
    my $at = now();
    push @times, $at - $last;
    $last = $at;
  }
  my @sorted = sort { $a <=> $b } @times;
  my $quantile = sub { $sorted[int($_[0] * $#sorted)] * 1e6 };
  printf qq({"count":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f}\n), scalar @sorted, $last - $began, $quantile->(0.5), $quantile->(0.99);
} elsif ($role eq 'connections') {
  my ($count, $began, $last) = (0, now(), 0);
  do {
    my $socket = tcp();
    connect($socket, $place) or die "ping-pong: connect: $!\n";
    ask($socket);
    close $socket;
    $count++;
    $last = now();
  } while ($last - $began < $seconds);
  printf qq({"count":%d,"seconds":%.6f}\n), $count, $last - $began;
} else {
  die "ping-pong: serve, round-trips or connections, not $role\n";
}
