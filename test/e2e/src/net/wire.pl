#!/usr/bin/perl
# The frames of one network interface as lines of hexadecimal digits: what arrives is printed, what is read is sent.
# Perl, since it is part of every Debian and can open packet sockets, which Node cannot. Constants of Linux are spelled out.
use strict;
use warnings;

my ($AF_PACKET, $SOCK_RAW, $ETH_P_ALL, $PACKET_OUTGOING) = (17, 3, 3, 4);
my $index = $ARGV[0];
socket(my $socket, $AF_PACKET, $SOCK_RAW, unpack('S', pack('n', $ETH_P_ALL))) or die "wire: socket: $!\n";
bind($socket, pack('S n i x12', $AF_PACKET, $ETH_P_ALL, $index)) or die "wire: bind to interface $index: $!\n";
$| = 1;
print "ready\n";

my ($input, $wanted) = ('', '');
vec($wanted, fileno($_), 1) = 1 for *STDIN, $socket;
while (select(my $ready = $wanted, undef, undef, undef) > 0) {
  if (vec($ready, fileno($socket), 1)) {
    my $from = recv($socket, my $frame, 65535, 0);
    my $type = defined $from ? (unpack('S n i S C', $from))[4] : $PACKET_OUTGOING;
    print unpack('H*', $frame), "\n" if $type != $PACKET_OUTGOING;
  }
  if (vec($ready, fileno(STDIN), 1)) {
    sysread(STDIN, $input, 65536, length $input) or exit 0;
    while ($input =~ s/^([0-9a-f]*)\n//) {
      defined send($socket, pack('H*', $1), 0) or warn "wire: send: $!\n";
    }
  }
}
